//! What all templates of a project share: macros, files to include, the set-up of Jinja.

use super::{
    calls::{self, Calls},
    complaint, environment,
    functions::Referable,
    shared::{FILTERS, Shared, Texts},
};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{FileId, Files, Span},
};
use minijinja::Environment;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

/// What all templates of a project share.
#[derive(Clone)]
pub struct Templates {
    pub(super) env: Arc<Environment<'static>>,
    pub(super) shared: Arc<Shared>,
    pub(super) macros: Arc<Macros>,
}

/// The macros of `macros/*.sql`.
#[derive(Debug, Default)]
pub(super) struct Macros {
    /// Macro's name to the file that defines it.
    pub defined: BTreeMap<String, String>,
    /// The calls in each file of macros.
    pub calls: BTreeMap<String, Calls>,
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
                    Err(error) => problems.push(complaint::diagnose(&shared, *file, &error, &|_, range| range)),
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

fn env_names(calls: &Calls) -> impl Iterator<Item = String> {
    let asked = calls.functions.iter().filter(|call| call.function == "env_var");
    asked.filter_map(|call| call.arguments.first().cloned().flatten())
}

/// A file's path as templates name it.
pub(super) fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
