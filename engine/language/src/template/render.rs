//! One rendering of one template.

use super::{
    Outcome, RenderContext, Source,
    calls::{self, Calls},
    complaint,
    environment::{self, ADOPT},
    guard,
    instrument::Instrumented,
    level, marks, model_config, outside,
    recorder::{Asked, Read, Recorder},
    shared::Shared,
    templates::{Templates, key},
};
use crate::{
    code,
    config::toml::Spanned,
    diagnostic::Diagnostic,
    files::{FileId, Span},
    rendered::{Piece, Rendered},
};
use minijinja::{Environment, Error, OutputSpan, OutputSpanKind, machinery, syntax::SyntaxConfig, value::Value};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

/// Renders a template.
pub(super) fn render(
    templates: &Templates,
    source: Source<'_>,
    context: &RenderContext,
) -> Result<Outcome, Diagnostic> {
    let mut rendering = Rendering { templates, source, path: key(source.path), changed: BTreeMap::new() };
    let calls = calls::read(source.text, &rendering.path).map_err(|error| rendering.diagnose(&error))?;
    let env = rendering.prepare(&calls)?;
    let recorder = Arc::new(Recorder::new(context.clone()));
    let (marked, spans) = {
        let text = &rendering.changed[&rendering.path].text;
        let result = env
            .template_from_named_str(&rendering.path, text)
            .and_then(|template| template.render_with_spans(Value::from_dyn_object(recorder.clone())));
        result.map_err(|error| rendering.diagnose(&error))?
    };
    let asked = std::mem::take(&mut *recorder.asked());
    let rendered = rendering.finish(&marked, &spans, &asked, &calls)?;
    let (config, problems) = model_config::read(source, &asked.config, &calls, context);
    Ok(Outcome { rendered, config, problems })
}

struct Rendering<'a> {
    templates: &'a Templates,
    source: Source<'a>,
    path: String,
    /// The templates that are rendered with insertions of ours, by path.
    changed: BTreeMap<String, Instrumented>,
}

impl<'a> Rendering<'a> {
    fn whole(&self) -> Span {
        Span::new(self.source.file, 0..0)
    }

    fn file(&self, path: &str) -> FileId {
        if path == self.path {
            self.source.file
        } else {
            self.templates.shared.files.get(path).map_or(self.source.file, |(file, _)| *file)
        }
    }

    /// Puts in what marks values from outside; answers the environment in which the changed templates are seen.
    fn prepare(&mut self, calls: &Calls) -> Result<Cow<'a, Environment<'static>>, Diagnostic> {
        let templates = self.templates;
        let used = self.used(calls);
        let prelude = prelude(&used.macros);
        let mut printed = self.printed(&used)?;
        let own = printed.remove(&self.path).unwrap_or_default();
        self.changed.insert(self.path.clone(), Instrumented::new(self.source.text, &prelude, &own));
        if printed.is_empty() {
            return Ok(Cow::Borrowed(&*templates.env));
        }
        let mut env = (*self.templates.env).clone();
        for (path, ranges) in printed {
            let Some((_, text)) = self.templates.shared.files.get(&path) else { continue };
            let instrumented = Instrumented::new(text, "", &ranges);
            let added = env.add_template_owned(path.clone(), instrumented.text.clone());
            added.map_err(|error| self.diagnose(&error))?;
            self.changed.insert(path, instrumented);
        }
        Ok(Cow::Owned(env))
    }

    /// The files that a template may come to need.
    fn used(&self, calls: &Calls) -> Used {
        let (macros, shared) = (&self.templates.macros, &self.templates.shared);
        let mut used = Used::default();
        let mut todo = vec![(self.path.clone(), Cow::Borrowed(calls))];
        while let Some((parent, calls)) = todo.pop() {
            used.outside |= level::FUNCTIONS.iter().chain(level::NAMES).any(|name| calls.names.contains(*name));
            let defined = calls.names.iter().filter_map(|name| macros.defined.get(name));
            let named = calls.files.iter().map(|name| environment::join(name, &parent));
            let any = shared.files.keys().filter(|_| calls.dynamic_files).cloned();
            used.macros.extend(defined.clone().cloned());
            for path in defined.cloned().chain(named).chain(any).collect::<Vec<_>>() {
                let Some((_, text)) = shared.files.get(&path).filter(|_| path != self.path) else { continue };
                if used.files.insert(path.clone())
                    && let Ok(calls) = macros.calls.get(&path).cloned().map_or_else(|| calls::read(text, &path), Ok)
                {
                    todo.push((path, Cow::Owned(calls)));
                }
            }
        }
        used
    }

    /// The expressions that print values from outside, by template.
    fn printed(&self, used: &Used) -> Result<BTreeMap<String, Vec<std::ops::Range<usize>>>, Diagnostic> {
        if !used.outside {
            return Ok(BTreeMap::new());
        }
        let others =
            used.files.iter().filter_map(|path| Some((path.as_str(), &*self.templates.shared.files.get(path)?.1)));
        let trees: Vec<_> = std::iter::once((self.path.as_str(), self.source.text))
            .chain(others)
            .filter_map(|(path, text)| Some((path, machinery::parse(text, path, SyntaxConfig::default()).ok()?)))
            .collect();
        let found = outside::find(&trees);
        if let Some((path, range)) = found.refused.into_iter().next() {
            let message = "text that holds a value from outside is compared or filtered here";
            let diagnostic = Diagnostic::error(&code::E0114, Span::new(self.file(&path), range), message);
            return Err(guard::with_ways_out(diagnostic.hint("compare the value itself, before it is put into text")));
        }
        Ok(found.printed)
    }

    /// From the marked text to SQL whose every byte has its place, and whose values from outside stay in their tokens.
    fn finish(&self, marked: &str, spans: &[OutputSpan], asked: &Asked, calls: &Calls) -> Result<Rendered, Diagnostic> {
        let unmarked = marks::strip(marked).ok_or_else(|| guard::lost(self.whole()))?;
        let mut rendered =
            Rendered { uses_run: asked.uses_run, uses_incremental: asked.uses_incremental, ..Rendered::default() };
        for span in spans {
            let output = span.output_range();
            let output = unmarked.offset(output.start)..unmarked.offset(output.end);
            let source = span.source_range();
            let source = self.changed.get(span.name()).map_or(source.clone(), |changed| changed.back(&source));
            let raw = span.kind() == OutputSpanKind::Raw;
            rendered.pieces.push(Piece { output, source, file: self.file(span.name()), raw });
        }
        rendered.sql = unmarked.text;
        rendered.reads = asked
            .reads
            .iter()
            .map(|read| Spanned::new(read.id.clone(), self.place_of(read, calls, &rendered)))
            .collect();
        guard::check(&rendered, &unmarked.outside, self.whole())?;
        Ok(rendered)
    }

    /// The diagnostic for an error, at the place in the user's own text.
    fn diagnose(&self, error: &Error) -> Diagnostic {
        let known = &self.templates.shared;
        let mut files = known.files.clone();
        files.insert(self.path.clone(), (self.source.file, self.source.text.into()));
        let mut names = known.names.clone();
        if let Ok(calls) = calls::read(self.source.text, &self.path) {
            names.extend(calls.assigned);
        }
        let shared = Shared { files, names, filters: known.filters.clone() };
        let back = |path: &str, range| match self.changed.get(path) {
            Some(changed) => changed.back(&range),
            None => range,
        };
        complaint::diagnose(&shared, self.source.file, error, &back)
    }

    /// The place of the call that read a node: in the template, else where its text came out, else in a macro.
    fn place_of(&self, read: &Read, calls: &Calls, rendered: &Rendered) -> Span {
        let given: Vec<_> = read.arguments.iter().map(|text| Some(text.clone())).collect();
        let call_in = |calls: &Calls| {
            let call = calls.functions.iter().find(|call| call.function == read.function && call.arguments == given)?;
            Some(call.range.clone())
        };
        if let Some(range) = call_in(calls) {
            return Span::new(self.source.file, range);
        }
        let printed = rendered.pieces.iter().find(|piece| {
            !piece.raw && rendered.sql.get(piece.output.clone()).is_some_and(|sql| sql.contains(&read.sql))
        });
        let in_macro = || {
            let mut macros = self.templates.macros.calls.iter();
            macros.find_map(|(path, calls)| Some(Span::new(self.file(path), call_in(calls)?)))
        };
        printed
            .map(|piece| Span::new(piece.file, piece.source.clone()))
            .or_else(in_macro)
            .unwrap_or_else(|| self.whole())
    }
}

/// The files that a template may come to need.
#[derive(Default)]
struct Used {
    /// All of them, by path.
    files: BTreeSet<String>,
    /// Those whose macros it may call.
    macros: BTreeSet<String>,
    /// Whether any of them asks for a value from outside.
    outside: bool,
}

/// Imports files of macros, on the template's first line.
fn prelude(macros: &BTreeSet<String>) -> String {
    let mut prelude = String::new();
    for path in macros {
        let path = path.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(prelude, "{{%import \"{path}\" as _engine_macros%}}{{%do {ADOPT}(_engine_macros)%}}");
    }
    prelude
}
