//! Reads files, and gathers what is wrong with them.

use super::{
    env::{Env, dotenv},
    toml::{Value, interpolate::interpolate},
};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{Files, Span},
    name::Name,
    world::World,
};
use std::{collections::BTreeSet, io, path::Path};

/// Reads files, and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    pub world: &'a dyn World,
    pub files: &'a mut Files,
    pub problems: &'a mut Problems,
    pub env: Env,
    /// What is declared but could not be read: complaints about what names it would only repeat that.
    pub unreadable: BTreeSet<Name>,
}

impl<'a> Reader<'a> {
    /// A reader that knows the variables of `.env`.
    pub fn new(world: &'a dyn World, files: &'a mut Files, problems: &'a mut Problems) -> Self {
        let mut reader = Self { world, files, problems, env: Env::default(), unreadable: BTreeSet::new() };
        reader.dotenv();
        reader
    }

    /// The text of a file, `None` if it is not there.
    pub fn text(&mut self, path: &str) -> Option<(Span, std::sync::Arc<str>)> {
        match self.world.read(Path::new(path)) {
            Ok(text) => {
                let file = self.files.add(Path::new(path), text.clone());
                Some((Span::new(file, 0..0), text))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = self.files.add(Path::new(path), "".into());
                let reason = match error.kind() {
                    io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
                    io::ErrorKind::PermissionDenied => "it may not be read, or is a link that leads outside".to_owned(),
                    _ => error.to_string(),
                };
                let message = format!("cannot read `{path}`: {reason}");
                self.problems.push(Diagnostic::error(&code::E0001, Span::new(file, 0..0), message));
                None
            }
        }
    }

    /// A TOML file as values, `${…}` not yet resolved.
    pub fn toml(&mut self, path: &str) -> Option<Value> {
        let (at, text) = self.text(path)?;
        Some(Value::parse(at.file, &text, self.problems))
    }

    /// Resolves `${…}` in a value.
    pub fn interpolate(&mut self, value: &mut Value) {
        let (world, env) = (self.world, self.env.clone());
        let lookup = |name: &str| world.env(name).or_else(|| env.dotenv.get(name).cloned());
        interpolate(value, &lookup, self.problems);
    }

    /// Complains of a name that cannot be one.
    pub fn name(&mut self, text: &str, span: Span) -> Name {
        let name = Name::new(text);
        if let Some(reason) = name.check() {
            self.problems.push(Diagnostic::error(&code::E0400, span, format!("`{name}` cannot be a name: {reason}")));
        }
        name
    }

    /// Complains of a reference to something that is not there, with the nearest that is.
    pub fn unknown(&mut self, what: &str, typed: &str, span: Span, known: &[&str]) {
        if self.unreadable.contains(typed) {
            return;
        }
        let problem = Diagnostic::error(&code::E0401, span, format!("there is no {what} `{typed}`"));
        let problem = match crate::name::nearest(typed, known.iter().copied()) {
            Some(near) => problem.hint(format!("a {what} with a similar name exists: `{near}`")),
            None if known.is_empty() => problem.hint(format!("no {what} is declared yet")),
            None => problem.hint(format!("known: {}", known.join(", "))),
        };
        self.problems.push(problem);
    }

    fn dotenv(&mut self) {
        let path = Path::new(".env");
        let Ok(text) = self.world.read(path) else { return drop(self.text(".env")) };
        let found = dotenv::parse(&text, |name| self.world.env(name));
        // What is drawn with a diagnostic comes from here, so values must not be in it.
        let file = self.files.add(path, found.shown.clone().into());
        let starts: Vec<usize> =
            std::iter::once(0).chain(found.shown.match_indices('\n').map(|(at, _)| at + 1)).collect();
        for (line, why) in found.errors {
            let start = starts.get(line).copied().unwrap_or_default();
            let end = found.shown[start..].find('\n').map_or(found.shown.len(), |length| start + length);
            let message = format!("line {} of `.env` is not `NAME=value`: {why}", line + 1);
            let problem = Diagnostic::error(&code::E0009, Span::new(file, start..end), message);
            self.problems.push(problem.hint("values that hold blanks, quotes or backslashes stand in single quotes"));
        }
        self.env.dotenv = found.variables.into();
    }
}
