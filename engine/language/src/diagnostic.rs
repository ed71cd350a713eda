//! What is wrong with a project, as data. Terminal, JSON, editor and web draw it.

use crate::{
    code::{self, Code},
    files::{FileId, Files, Span},
};
use std::collections::BTreeSet;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The project cannot run.
    Error,
    /// It can, but probably should not.
    Warning,
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of mistake; `engine explain` tells more.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// One lower-case sentence without a full stop, backticks round what the user typed.
    pub message: String,
    /// The place, wherever there is a file.
    pub span: Option<Span>,
    /// A few words written under the place.
    pub label: Option<String>,
    /// Other places that matter, with what they have to say.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// A replacement that would mend it.
    pub fix: Option<Fix>,
}

/// A replacement that would mend a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Why, such as "a column with a similar name exists".
    pub message: String,
    /// What to replace.
    pub span: Span,
    /// With what.
    pub replacement: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: span.into(),
            label: None,
            labels: vec![],
            hints: vec![],
            fix: None,
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Writes a few words under the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Offers a replacement.
    #[must_use]
    pub fn fix(mut self, message: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix { message: message.into(), span, replacement: replacement.into() });
        self
    }
}

/// All that is wrong with a project.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Diagnostic>,
}

/// Complaints of names that stand for nothing, and of what follows from it.
static NAMES: &[&Code] = &[
    &code::E0006,
    &code::E0401,
    &code::E0420,
    &code::E0421,
    &code::E0422,
    &code::E0423,
    &code::E0427,
    &code::E0428,
    &code::E0430,
    &code::E0431,
    &code::E0435,
    &code::E0436,
];

impl Problems {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Whether any of them keeps the project from running.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many errors and how many warnings.
    pub fn count(&self) -> (usize, usize) {
        let errors = self.list.iter().filter(|d| d.severity == Severity::Error).count();
        (errors, self.list.len() - errors)
    }

    /// Of a file whose syntax is broken only that is said, and nothing of what it may have declared.
    pub(crate) fn drop_consequences(&mut self) {
        let syntax = |d: &Diagnostic| d.code == &code::E0002;
        let broken: BTreeSet<FileId> =
            self.list.iter().filter(|d| syntax(d)).filter_map(|d| Some(d.span?.file)).collect();
        if broken.is_empty() {
            return;
        }
        let names = |d: &Diagnostic| NAMES.contains(&d.code);
        self.list.retain(|d| syntax(d) || !(names(d) || d.span.is_some_and(|span| broken.contains(&span.file))));
    }

    /// Sorts by path, place and code, and drops repetitions: the same project always complains in the same order.
    pub fn sort(&mut self, files: &Files) {
        self.list.sort_by_cached_key(|d| {
            (d.span.map(|s| (files.path(s.file).to_owned(), s.start, s.end)), d.code.id, d.message.clone())
        });
        self.list.dedup();
    }

    /// One by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }
}

impl Extend<Diagnostic> for Problems {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.list.extend(diagnostics);
    }
}

impl IntoIterator for Problems {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
