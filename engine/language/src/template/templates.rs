//! What all templates of a project share: macros, files to include, the set-up of Jinja.

use super::{
    Outcome, RenderContext, Rendered, Source,
    calls::{self, Calls},
    complaint, environment,
    functions::Referable,
    model_config,
    recorder::{Read, Recorder},
    rendered::Piece,
};
use crate::{
    code,
    config::Spanned,
    diagnostic::{Diagnostic, Problems},
    files::{FileId, Files, Span},
};
use minijinja::{Environment, Error, OutputSpan, OutputSpanKind, State, value::Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

/// The folders that `include` may reach.
pub(super) const FOLDERS: &[&str] = &["project/macros", "project/models"];
/// The function by which a rendering takes over the macros of a file.
pub(super) const ADOPT: &str = "_engine_adopt";

/// The files that templates may include, by path.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub texts: BTreeMap<String, Arc<str>>,
    /// Files that lie there but lead outside, as symbolic links can.
    pub refused: BTreeSet<String>,
}

/// What errors and places need to know about the templates.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub files: BTreeMap<String, (FileId, Arc<str>)>,
    /// Names of functions and macros, for the nearest one.
    pub names: BTreeSet<String>,
    /// Names of filters and tests, likewise.
    pub filters: BTreeSet<String>,
}

/// What all templates of a project share.
#[derive(Clone)]
pub struct Templates {
    env: Arc<Environment<'static>>,
    shared: Arc<Shared>,
    macros: Arc<Macros>,
}

/// The macros of `macros/*.sql`.
#[derive(Debug, Default)]
struct Macros {
    /// Macro's name to the file that defines it.
    defined: BTreeMap<String, String>,
    /// The calls in each file of macros.
    calls: BTreeMap<String, Calls>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Templates").field(&self.macros.defined.keys()).finish()
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new(&[], &BTreeSet::new(), &Files::default(), Referable::default(), &mut Problems::default())
    }
}

impl Templates {
    /// Reads the macros among `included`, the files below `macros` and `models`. `refused` are paths that lead outside.
    pub fn new(
        included: &[FileId],
        refused: &BTreeSet<String>,
        files: &Files,
        referable: Referable,
        problems: &mut Problems,
    ) -> Self {
        let mut shared = Shared::default();
        let mut texts = Texts { refused: refused.clone(), ..Texts::default() };
        let mut macros = Macros::default();
        for file in included {
            let path = key(files.path(*file));
            let text = files.text(*file).clone();
            shared.files.insert(path.clone(), (*file, text.clone()));
            texts.texts.insert(path, text);
        }
        let env = environment::build(Arc::new(texts), Arc::new(referable));
        shared.names.extend(env.globals().map(|(name, _)| name.to_owned()).filter(|name| !name.starts_with('_')));
        shared.names.extend(["run", "this"].map(str::to_owned));
        shared.filters.extend(FILTERS.iter().map(|name| (*name).to_owned()));
        for (path, (file, text)) in &shared.files {
            if path.starts_with("project/macros/") {
                match calls::read(text, path) {
                    Ok(calls) => macros.add(path, *file, calls, &shared, problems),
                    Err(error) => problems.push(complaint::diagnose(&shared, *file, &error)),
                }
            }
        }
        shared.names.extend(macros.defined.keys().cloned());
        Self { env: Arc::new(env), shared: Arc::new(shared), macros: Arc::new(macros) }
    }

    /// The names that `env_var('NAME')` asks for in the macros.
    pub fn env_names(&self) -> BTreeSet<String> {
        self.macros.calls.values().flat_map(env_names).collect()
    }

    /// The names that `env_var('NAME')` asks for in a template; none if it cannot be parsed.
    pub fn env_names_of(&self, text: &str) -> BTreeSet<String> {
        if !text.contains("env_var") {
            return BTreeSet::new();
        }
        calls::read(text, "").map(|calls| env_names(&calls).collect()).unwrap_or_default()
    }

    pub(super) fn render(&self, source: Source<'_>, context: &RenderContext) -> Result<Outcome, Diagnostic> {
        let path = key(source.path);
        let fail = |error: &Error| complaint::diagnose(&self.with(&path, source), source.file, error);
        let calls = calls::read(source.text, &path).map_err(|error| fail(&error))?;
        let prelude = self.prelude(&calls);
        let text = format!("{prelude}{}", source.text);
        let recorder = Arc::new(Recorder::new(context.clone()));
        let template = self.env.template_from_named_str(&path, &text).map_err(|error| fail(&error))?;
        let (sql, spans) = template
            .render_with_spans(Value::from_dyn_object(recorder.clone()))
            .map_err(|error| self.diagnose_shifted(&path, source, prelude.len(), &error))?;
        let pieces = spans.iter().filter_map(|span| self.piece(span, &path, source, prelude.len())).collect();
        let asked = std::mem::take(&mut *recorder.asked());
        let reads = asked.reads.iter();
        let mut rendered = Rendered { sql, pieces, ..Rendered::default() };
        rendered.uses_run = asked.uses_run;
        rendered.uses_incremental = asked.uses_incremental;
        rendered.reads =
            reads.map(|read| Spanned::new(read.id.clone(), self.place_of(read, &calls, &rendered, source))).collect();
        let (config, problems) = model_config::read(source, &asked.config, &calls, context);
        Ok(Outcome { rendered, config, problems })
    }

    /// Imports the macros that a template may come to need, on its first line.
    fn prelude(&self, calls: &Calls) -> String {
        let mut needed = BTreeSet::new();
        let mut names: Vec<&String> = calls.names.iter().collect();
        while let Some(name) = names.pop() {
            if let Some(path) = self.macros.defined.get(name)
                && needed.insert(path)
                && let Some(calls) = self.macros.calls.get(path)
            {
                names.extend(&calls.names);
            }
        }
        let mut prelude = String::new();
        for path in needed {
            use fmt::Write as _;
            let path = path.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(prelude, "{{%import \"{path}\" as _engine_macros%}}{{%do {ADOPT}(_engine_macros)%}}");
        }
        prelude
    }

    fn with(&self, path: &str, source: Source<'_>) -> Shared {
        let mut files = self.shared.files.clone();
        files.insert(path.to_owned(), (source.file, source.text.into()));
        Shared { files, names: self.shared.names.clone(), filters: self.shared.filters.clone() }
    }

    /// A diagnostic for an error in the template behind its prelude.
    fn diagnose_shifted(&self, path: &str, source: Source<'_>, shift: usize, error: &Error) -> Diagnostic {
        let mut shared = self.with(path, source);
        let text = format!("{}{}", " ".repeat(shift), source.text);
        shared.files.insert(path.to_owned(), (source.file, text.into()));
        let mut diagnostic = complaint::diagnose(&shared, source.file, error);
        let back = |span: &mut Span| {
            if span.file == source.file {
                let range = span.range();
                *span = Span::new(span.file, range.start.saturating_sub(shift)..range.end.saturating_sub(shift));
            }
        };
        diagnostic.span.iter_mut().for_each(back);
        diagnostic.labels.iter_mut().for_each(|(span, _)| back(span));
        diagnostic.fix.iter_mut().for_each(|fix| back(&mut fix.span));
        diagnostic
    }

    fn piece(&self, span: &OutputSpan, path: &str, source: Source<'_>, shift: usize) -> Option<Piece> {
        let range = span.source_range();
        let (file, range) = if span.name() == path {
            (source.file, range.start.checked_sub(shift)?..range.end.checked_sub(shift)?)
        } else {
            (self.shared.files.get(span.name())?.0, range)
        };
        Some(Piece { output: span.output_range(), source: range, file, raw: span.kind() == OutputSpanKind::Raw })
    }

    /// The place of the call that read a node: in the template, else in a macro, else where its text came out.
    fn place_of(&self, read: &Read, calls: &Calls, rendered: &Rendered, source: Source<'_>) -> Span {
        let here = |calls: &Calls| {
            let given: Vec<_> = read.arguments.iter().map(|text| Some(text.clone())).collect();
            let found = calls.calls.iter().find(|call| call.function == read.function && call.arguments == given)?;
            Some(found.range.clone())
        };
        if let Some(range) = here(calls) {
            return Span::new(source.file, range);
        }
        let emitted = || {
            let piece = rendered.pieces.iter().find(|piece| {
                !piece.raw && rendered.sql.get(piece.output.clone()).is_some_and(|sql| sql.contains(&read.sql))
            })?;
            Some(Span::new(piece.file, piece.source.clone()))
        };
        let in_macro = || {
            self.macros
                .calls
                .iter()
                .find_map(|(path, calls)| Some(Span::new(self.shared.files.get(path)?.0, here(calls)?)))
        };
        emitted().or_else(in_macro).unwrap_or_else(|| Span::new(source.file, 0..0))
    }
}

impl Macros {
    fn add(&mut self, path: &str, file: FileId, calls: Calls, shared: &Shared, problems: &mut Problems) {
        for (name, range) in &calls.macros {
            if let Some(first) = self.defined.get(name) {
                let message = format!("the macro `{name}` is defined twice");
                let other = &shared.files[first];
                problems.push(
                    Diagnostic::error(&code::E0117, Span::new(file, range.clone()), message)
                        .also(Span::new(other.0, 0..0), "first in this file"),
                );
            }
            self.defined.insert(name.clone(), path.to_owned());
        }
        self.calls.insert(path.to_owned(), calls);
    }
}

/// Puts the macros of an imported file among the names of the rendering.
pub(super) fn adopt(state: &State, module: &Value) -> Result<(), Error> {
    let recorder = Recorder::of(state);
    for name in module.try_iter()? {
        let value = module.get_item(&name)?;
        recorder.asked().macros.insert(name.to_string(), value);
    }
    Ok(())
}

fn env_names(calls: &Calls) -> impl Iterator<Item = String> {
    let asked = calls.calls.iter().filter(|call| call.function == "env_var");
    asked.filter_map(|call| call.arguments.first().cloned().flatten())
}

/// A file's path as templates name it.
fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The filters and tests that Jinja has, and ours, for the nearest one.
const FILTERS: &[&str] = &[
    "literal",
    "ident",
    "raw",
    "lower",
    "upper",
    "title",
    "capitalize",
    "replace",
    "length",
    "count",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "join",
    "split",
    "lines",
    "default",
    "round",
    "abs",
    "int",
    "float",
    "attr",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "list",
    "string",
    "bool",
    "batch",
    "slice",
    "sum",
    "indent",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "map",
    "groupby",
    "unique",
    "chain",
    "zip",
    "as_text",
    "as_bool",
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "number",
    "integer",
    "sequence",
    "mapping",
    "in",
    "eq",
    "ne",
];
