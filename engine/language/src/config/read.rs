//! Reads the project's TOML files as a whole.

use super::{
    Config,
    connection::{self, KnownConnections},
    generator, lock,
    reader::Reader,
    replication, schedule, seed, settings, sink, source, targets,
    toml::Value,
    unit_test,
};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{Files, Span},
    id::TableId,
    name::{Name, nearest},
    table::TableDefinition,
    world::World,
};
use std::{collections::BTreeMap, path::Path};

/// What was typed or found, and wins over the files.
#[derive(Clone, Copy, Debug)]
pub struct Overrides<'a> {
    /// The target; `None` is `default_target`, else the first there is.
    pub target: Option<&'a Name>,
    /// Values for `var()`, as typed.
    pub vars: &'a BTreeMap<String, String>,
    /// Definitions of source tables; they win over `schema.lock`.
    pub tables: &'a BTreeMap<TableId, TableDefinition>,
}

/// Reads the TOML files and `.env`.
pub fn read(world: &dyn World, files: &mut Files, problems: &mut Problems, overrides: Overrides<'_>) -> Config {
    let mut reader = Reader::new(world, files, problems);
    let mut file = sources_toml(&mut reader);
    // Only the connections of the chosen target are interpolated: the variables of others need not be there.
    let written = file.take("connections").map(|(_, value)| value);
    reader.interpolate(&mut file);
    let settings = settings::read::read(&mut reader, &file, overrides.vars);
    let (targets, target) = targets::choose(&mut reader, written.as_ref(), &settings, overrides.target);
    let connections = written.as_ref().map(|all| connection::read::read(&mut reader, all, &target)).unwrap_or_default();
    let all: Vec<Name> = written.iter().flat_map(Value::entries).map(|(name, ..)| Name::new(name)).collect();
    let known = KnownConnections { all: &all, here: &connections, target: &target, targets: &targets };
    known.check_limits(&mut reader, &file);
    let sources = source::read::read(&mut reader, &file, known);
    let sinks = sink::read::read(&mut reader, &file, known);
    settings::read::check_sink(&mut reader, &settings, &sinks);
    let replications = replication::read::read(&mut reader, &file, &sources, known);
    let seeds = seed::read::read(&mut reader, &file);
    let generators = generator::read::read(&mut reader, &sources);
    let schedules = schedule::read::read(&mut reader);
    let unit_tests = unit_test::read::read(&mut reader);
    let mut tables = generators.tables;
    tables.extend(source::declared_tables(&sources));
    tables.extend(lock::read(&mut reader, &sources));
    tables.extend(overrides.tables.clone());
    let Reader { env, unreadable, .. } = reader;
    Config {
        target,
        targets,
        settings,
        connections,
        sources,
        sinks,
        replications,
        seeds,
        generators: generators.generators,
        schedules,
        unit_tests,
        tables,
        env,
        unreadable,
    }
}

/// The keys of `sources.toml`.
const KEYS: &[&str] = &[
    "default_target",
    "default_sink",
    "vars",
    "limits",
    "history",
    "connections",
    "sources",
    "sinks",
    "replications",
    "seeds",
];

/// The values of `sources.toml`; complains of keys that mean nothing.
fn sources_toml(reader: &mut Reader<'_>) -> Value {
    let file = reader.toml("project/sources.toml").unwrap_or_else(|| {
        let file = reader.files.add(Path::new("project/sources.toml"), "".into());
        Value::empty(Span::new(file, 0..0))
    });
    for (key, span, _) in file.entries() {
        if !KEYS.contains(&key.as_str()) {
            let problem = Diagnostic::error(&code::E0003, *span, format!("unknown key `{key}`"));
            reader.problems.push(match nearest(key, KEYS.iter().copied()) {
                Some(near) => problem.fix("a key with a similar name exists", *span, near),
                None => problem.hint(format!("known keys: {}", KEYS.join(", "))),
            });
        }
    }
    file
}
