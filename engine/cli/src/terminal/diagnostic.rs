//! Diagnostics, drawn for a terminal.

pub mod machine;

use crate::terminal::{Style, Terminal, format};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet, renderer::DecorStyle};
use engine_language::{
    diagnostic::{Diagnostic, Fix, Problems, Severity},
    files::{FileId, Files, Span},
};
use std::{ops::Range, path::Path, time::Duration};

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Draw<'a> {
    /// Colour and width.
    pub terminal: Terminal,
    /// What paths are prefixed with.
    pub prefix: &'a Path,
}

impl Draw<'_> {
    /// One diagnostic, with its place if it has one.
    pub fn diagnostic(&self, diagnostic: &Diagnostic, files: &Files) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.id);
        let mut group = Group::with_title(title);
        if let Some(span) = diagnostic.span {
            group = group.element(self.snippet(span, diagnostic, files));
            for (file, places) in elsewhere(span, diagnostic) {
                let text: &str = files.text(file);
                let places = places
                    .into_iter()
                    .map(|(span, label)| AnnotationKind::Context.span(within(text, span.range())).label(label));
                group = group.element(Snippet::source(text).path(self.path(file, files)).annotations(places));
            }
        }
        for hint in &diagnostic.hints {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let mut report = vec![group];
        if let Some(fix) = &diagnostic.fix {
            report.push(self.fix(fix, files));
        }
        self.renderer().render(&report)
    }

    fn snippet<'d>(&self, span: Span, diagnostic: &'d Diagnostic, files: &'d Files) -> Snippet<'d, Annotation<'d>> {
        let text: &str = files.text(span.file);
        let primary = AnnotationKind::Primary.span(within(text, span.range())).label(diagnostic.label.as_deref());
        let others = diagnostic.labels.iter().filter(|(other, _)| other.file == span.file);
        let others =
            others.map(|(span, label)| AnnotationKind::Context.span(within(text, span.range())).label(label.as_str()));
        Snippet::source(text).path(self.path(span.file, files)).annotation(primary).annotations(others)
    }

    fn fix<'d>(&self, fix: &'d Fix, files: &'d Files) -> Group<'d> {
        let text: &str = files.text(fix.span.file);
        let patch = Patch::new(within(text, fix.span.range()), fix.replacement.as_str());
        let snippet = Snippet::source(text).path(self.path(fix.span.file, files)).patch(patch);
        Level::HELP.secondary_title(fix.message.as_str()).element(snippet)
    }

    fn path(&self, file: FileId, files: &Files) -> String {
        self.prefix.join(files.path(file)).display().to_string()
    }

    fn renderer(&self) -> Renderer {
        let renderer = if self.terminal.colour { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).term_width(self.terminal.width)
    }
}

/// Labels in other files than the diagnostic's own, by file.
fn elsewhere(span: Span, diagnostic: &Diagnostic) -> Vec<(FileId, Vec<(Span, &str)>)> {
    let mut files: Vec<(FileId, Vec<(Span, &str)>)> = vec![];
    for (other, label) in diagnostic.labels.iter().filter(|(other, _)| other.file != span.file) {
        match files.iter_mut().find(|(file, _)| *file == other.file) {
            Some((_, places)) => places.push((*other, label)),
            None => files.push((other.file, vec![(*other, label)])),
        }
    }
    files
}

/// A range that surely lies in the text, on the boundaries of characters.
fn within(text: &str, range: Range<usize>) -> Range<usize> {
    let mut start = range.start.min(text.len());
    let mut end = range.end.clamp(start, text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// The last line: `error: 3 errors, 1 warning in 9 files (31ms)          more: …`.
pub fn summary(terminal: Terminal, problems: &Problems, files: usize, took: Duration) -> String {
    let (errors, warnings) = problems.count();
    let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format::counted(number as u64, word))
        .collect();
    let (style, word) = if errors > 0 { (Style::Bad, "error") } else { (Style::Warn, "warning") };
    let files = format::counted(files as u64, "file");
    let said = format!(": {} in {files} ({})", parts.join(", "), format::duration(took));
    let worst = problems.iter().min_by_key(|d| d.severity).map_or("", |d| d.code.id);
    let more = terminal.paint(Style::Blue, &format!("engine explain {worst}"));
    format!("{}{said:<52} more: `{more}`\n", terminal.paint(style, word))
}
