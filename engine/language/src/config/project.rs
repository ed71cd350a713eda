//! The project's TOML files, read as a whole.

use super::{
    connection::Connection, dotenv, env::Env, generator::Generator, generators, interpolate::interpolate, lock,
    replication::Replication, schedule::Schedule, schedules, seed::SeedFacts, settings::Settings, sink::Sink,
    source::Source, sources, unit_test::UnitTest, unit_tests, value::Value,
};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{Files, Span},
    id::TableId,
    name::Name,
    project::LoadOptions,
    table::TableDefinition,
    world::World,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

/// What the TOML files say, for one target.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chosen target.
    pub target: Name,
    /// Every target that some connection names, sorted.
    pub targets: Vec<Name>,
    /// Settings of the whole project, `[vars]` with the command line's on top.
    pub settings: Settings,
    /// Connections in the chosen target.
    pub connections: BTreeMap<Name, Connection>,
    /// What SQL may read.
    pub sources: BTreeMap<Name, Source>,
    /// Where results may be written.
    pub sinks: BTreeMap<Name, Sink>,
    /// Copies of tables.
    pub replications: BTreeMap<Name, Replication>,
    /// What is said of seeds beside their files.
    pub seeds: BTreeMap<Name, SeedFacts>,
    /// Synthetic data.
    pub generators: BTreeMap<Name, Generator>,
    /// What runs when.
    pub schedules: BTreeMap<Name, Schedule>,
    /// Given rows, expected rows.
    pub unit_tests: Vec<UnitTest>,
    /// Definitions of source tables.
    pub tables: BTreeMap<TableId, TableDefinition>,
    /// The variables of `.env`.
    pub env: Env,
    /// What is declared but could not be read.
    pub unreadable: BTreeSet<Name>,
}

/// Reads the TOML files and `.env`.
pub fn read(world: &dyn World, files: &mut Files, problems: &mut Problems, options: &LoadOptions) -> Config {
    let mut reader = Reader { world, files, problems, env: Env::default(), unreadable: BTreeSet::new() };
    reader.dotenv();
    let sources = sources::read(&mut reader, options);
    let generators = generators::read(&mut reader, &sources);
    let schedules = schedules::read(&mut reader);
    let unit_tests = unit_tests::read(&mut reader);
    let mut tables = generators.tables;
    tables.extend(sources.declared_tables());
    tables.extend(lock::read(&mut reader, &sources.declared));
    tables.extend(options.discovered.clone());
    Config {
        target: sources.target,
        targets: sources.targets,
        settings: sources.settings,
        connections: sources.connections,
        sources: sources.declared,
        sinks: sources.sinks,
        replications: sources.replications,
        seeds: sources.seeds,
        generators: generators.generators,
        schedules,
        unit_tests,
        tables,
        env: reader.env,
        unreadable: reader.unreadable,
    }
}

/// Reads files, and gathers what is wrong with them.
pub(super) struct Reader<'a> {
    pub world: &'a dyn World,
    pub files: &'a mut Files,
    pub problems: &'a mut Problems,
    pub env: Env,
    /// What is declared but could not be read: complaints about what names it would only repeat that.
    pub unreadable: BTreeSet<Name>,
}

impl Reader<'_> {
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
