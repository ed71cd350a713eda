//! Reads `sources.toml`.

use super::{
    Spanned,
    amount::{DurationText, Share, SizeText},
    connection::Connection,
    project::Reader,
    replication::Replication,
    seed::{self, SeedFacts},
    settings::{Kept, Limits, Settings},
    sink::Sink,
    source::{BadRows, Create, Freshness, Source, SourceTable},
    value::Value,
};
use crate::{
    code,
    column::ColumnType,
    diagnostic::Diagnostic,
    files::Span,
    id::TableId,
    name::Name,
    project::LoadOptions,
    table::{Column, TableDefinition},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What `sources.toml` says.
#[derive(Debug)]
pub(super) struct Sources {
    pub target: Name,
    pub targets: Vec<Name>,
    pub settings: Settings,
    pub connections: BTreeMap<Name, Connection>,
    pub declared: BTreeMap<Name, Source>,
    pub sinks: BTreeMap<Name, Sink>,
    pub replications: BTreeMap<Name, Replication>,
    pub seeds: BTreeMap<Name, SeedFacts>,
}

impl Sources {
    /// Definitions of the tables whose columns are declared.
    pub fn declared_tables(&self) -> BTreeMap<TableId, TableDefinition> {
        let mut tables = BTreeMap::new();
        for source in self.declared.values() {
            for table in source.tables.values().filter(|table| !table.columns.is_empty()) {
                let columns = table.columns.iter().map(|(name, kind)| Column::new(&name.value, kind.value.clone()));
                let definition = TableDefinition {
                    columns: columns.collect(),
                    key: table.key.iter().map(|column| column.value.clone()).collect(),
                    ..TableDefinition::default()
                };
                tables.insert(TableId::new(source.name.value.clone(), table.name.value.clone()), definition);
            }
        }
        tables
    }
}

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

pub(super) fn read(reader: &mut Reader<'_>, options: &LoadOptions) -> Sources {
    let mut file = reader.toml("project/sources.toml").unwrap_or_else(|| {
        let file = reader.files.add(std::path::Path::new("project/sources.toml"), "".into());
        Value::empty(Span::new(file, 0..0))
    });
    for (key, span, _) in file.entries() {
        if !KEYS.contains(&key.as_str()) {
            let problem = Diagnostic::error(&code::E0003, *span, format!("unknown key `{key}`"));
            reader.problems.push(match crate::name::nearest(key, KEYS.iter().copied()) {
                Some(near) => problem.fix("a key with a similar name exists", *span, near),
                None => problem.hint(format!("known keys: {}", KEYS.join(", "))),
            });
        }
    }
    let connections = file.take("connections").map(|(_, value)| value);
    reader.interpolate(&mut file);
    let settings = settings(reader, &file, options);
    let (targets, target) = targets(reader, connections.as_ref(), &settings, options);
    let all: Vec<Name> = connections.iter().flat_map(Value::entries).map(|(name, ..)| Name::new(name)).collect();
    let connections = connections.map(|all| self::connections(reader, &all, &target)).unwrap_or_default();
    let names: Vec<&str> = all.iter().map(Name::as_str).collect();
    let limited = file.key("limits").and_then(|limits| limits.key("connections")).map(Value::entries);
    for (name, span, _) in limited.unwrap_or_default().iter().filter(|(name, _, _)| !names.contains(&name.as_str())) {
        reader.unknown("connection", name, *span, &names);
    }
    let known = Known { all: &all, here: &connections, target: &target, targets: &targets };
    let sources = sources(reader, &file, known);
    let sinks = sinks(reader, &file, known);
    if let Some(sink) = &settings.default_sink
        && !sinks.contains_key(&sink.value)
    {
        let known: Vec<&str> = sinks.keys().map(Name::as_str).collect();
        reader.unknown("sink", sink.as_str(), sink.span, &known);
    }
    let replications = replications(reader, &file, &sources, known);
    let seeds = seed::read(reader, &file);
    Sources { target, targets, settings, connections, declared: sources, sinks, replications, seeds }
}

/// The connections that may be referred to.
#[derive(Clone, Copy)]
struct Known<'a> {
    all: &'a [Name],
    here: &'a BTreeMap<Name, Connection>,
    target: &'a Name,
    targets: &'a [Name],
}

impl Known<'_> {
    /// Complains of a connection that is not there, or not in this target.
    fn check(self, reader: &mut Reader<'_>, named: &Spanned<Name>) {
        if self.here.contains_key(&named.value) || reader.unreadable.contains(&named.value) {
            return;
        }
        if !self.all.contains(&named.value) {
            let all: Vec<&str> = self.all.iter().map(Name::as_str).collect();
            reader.unknown("connection", named.as_str(), named.span, &all);
            return;
        }
        // Of a target that no connection has, only that is said.
        if self.targets.contains(self.target) {
            let message =
                format!("the connection `{}` stands for nothing in the target `{}`", named.value, self.target);
            let hint =
                format!("add `[connections.{}.{}]`, or choose another target with `-t`", named.value, self.target);
            reader.problems.push(Diagnostic::error(&code::E0401, named.span, message).hint(hint));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    steps: Option<usize>,
    memory: Option<SizeText>,
    spill: Option<SizeText>,
    stalled_after: Option<DurationText>,
    batch_rows: Option<u64>,
    runs: Option<usize>,
    wait: Option<DurationText>,
    #[serde(default)]
    connections: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHistory {
    runs: Option<u32>,
    age: Option<DurationText>,
}

fn settings(reader: &mut Reader<'_>, file: &Value, options: &LoadOptions) -> Settings {
    let mut settings = Settings::default();
    let mut word = |key: &str| -> Option<Spanned<Name>> { file.key(key)?.read::<Spanned<Name>>(reader.problems) };
    settings.default_target = word("default_target");
    settings.default_sink = word("default_sink");
    if let Some(vars) = file.key("vars") {
        settings.vars = vars.entries().iter().map(|(key, _, value)| (key.clone(), value.clone())).collect();
    }
    for (key, text) in &options.vars {
        let span = Span::new(file.span.file, 0..0);
        settings.vars.insert(key.clone(), Value::typed(span, text));
    }
    if let Some(raw) = file.key("limits").and_then(|limits| limits.read::<RawLimits>(reader.problems)) {
        let or = Limits::default();
        settings.limits = Limits {
            steps: raw.steps.unwrap_or(or.steps).max(1),
            memory_bytes: raw.memory.map(|size| size.0),
            spill_bytes: raw.spill.map_or(or.spill_bytes, |size| size.0),
            stalled_after: raw.stalled_after.map_or(or.stalled_after, |after| after.0),
            batch_rows: raw.batch_rows.unwrap_or(or.batch_rows).max(1),
            runs: raw.runs.unwrap_or(or.runs).max(1),
            wait: raw.wait.map_or(or.wait, |wait| wait.0),
        };
        let at_least_one = |(name, runs): (String, usize)| (Name::new(name), runs.max(1));
        settings.runs_by_connection = raw.connections.into_iter().map(at_least_one).collect();
    }
    if let Some(raw) = file.key("history").and_then(|history| history.read::<RawHistory>(reader.problems)) {
        let or = Kept::default();
        settings.kept = Kept { runs: raw.runs.unwrap_or(or.runs).max(1), age: raw.age.map_or(or.age, |age| age.0) };
    }
    settings
}

/// What the target of a project is called in which no connection names one.
const ONLY_TARGET: &str = "default";

/// All targets that connections name, and the chosen one.
fn targets(
    reader: &mut Reader<'_>,
    connections: Option<&Value>,
    settings: &Settings,
    options: &LoadOptions,
) -> (Vec<Name>, Name) {
    let tables = connections.map(Value::entries).unwrap_or_default();
    let several = tables.iter().filter(|(_, _, connection)| connection.key("type").is_none());
    let targets: BTreeSet<Name> =
        several.flat_map(|(_, _, connection)| connection.entries()).map(|(target, _, _)| Name::new(target)).collect();
    let chosen = options.target.clone().or_else(|| settings.default_target.as_ref().map(|target| target.value.clone()));
    let target = chosen.or_else(|| targets.first().cloned()).unwrap_or_else(|| Name::new(ONLY_TARGET));
    // A run of a project without targets is recorded under this name, and a retry asks for it again.
    let only = targets.is_empty() && target.as_str() == ONLY_TARGET;
    if !targets.contains(&target) && !only {
        let span = settings.default_target.as_ref().filter(|given| given.value == target).map(|given| given.span);
        let problem = Diagnostic::error(&code::E0006, span, format!("no connection has a target `{target}`"));
        let known: Vec<&str> = targets.iter().map(Name::as_str).collect();
        let hint = if known.is_empty() {
            "every connection stands for the same system in all targets: leave the target out".to_owned()
        } else {
            format!("targets: {}", known.join(", "))
        };
        reader.problems.push(problem.hint(hint));
    }
    (targets.into_iter().collect(), target)
}

fn connections(reader: &mut Reader<'_>, all: &Value, target: &Name) -> BTreeMap<Name, Connection> {
    let mut connections = BTreeMap::new();
    for (name, span, value) in all.entries() {
        let name = reader.name(name, *span);
        let mut value = value.clone();
        if value.key("type").is_none() {
            let Some((_, chosen)) = value.take(target.as_str()) else {
                if value.entries().is_empty() {
                    let problem = Diagnostic::error(&code::E0004, *span, "the key `type` is missing");
                    reader.problems.push(problem.hint("add `type = \"sqlite\"` or another kind of system"));
                    reader.unreadable.insert(name);
                }
                continue;
            };
            value = chosen;
        }
        reader.interpolate(&mut value);
        let Some((at, kind)) = value.take("type") else {
            let problem = Diagnostic::error(&code::E0004, value.span, "the key `type` is missing");
            reader.problems.push(problem.hint("add `type = \"sqlite\"` or another kind of system"));
            reader.unreadable.insert(name);
            continue;
        };
        let at = if kind.span.range().is_empty() { at } else { kind.span };
        let Some(kind) = kind.read::<String>(reader.problems) else {
            reader.unreadable.insert(name);
            continue;
        };
        let name = Spanned::new(name, *span);
        connections.insert(name.value.clone(), Connection { name, kind: Spanned::new(kind, at), fields: value });
    }
    connections
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    connection: Spanned<Name>,
    #[serde(default)]
    tables: BTreeMap<Spanned<Name>, RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    identifier: Option<Spanned<Name>>,
    description: Option<String>,
    #[serde(default)]
    key: Vec<Spanned<String>>,
    freshness: Option<RawFreshness>,
    format: Option<Spanned<String>>,
    #[serde(default)]
    columns: BTreeMap<Spanned<String>, Spanned<ColumnType>>,
    #[serde(default)]
    required: Vec<Spanned<String>>,
    create: Option<RawCreate>,
    bad_rows: Option<RawBadRows>,
    max_bad_share: Option<Share>,
    path: Option<Spanned<String>>,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFreshness {
    column: Spanned<String>,
    warn: Option<DurationText>,
    fail: Option<DurationText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCreate {
    partitions: Option<u32>,
    replication: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawBadRows {
    DeadLetter,
    Fail,
    Skip,
}

fn sources(reader: &mut Reader<'_>, file: &Value, connections: Known<'_>) -> BTreeMap<Name, Source> {
    let mut sources = BTreeMap::new();
    for (name, span, value) in file.key("sources").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(raw) = value.read::<RawSource>(reader.problems) else {
            reader.unreadable.insert(name);
            continue;
        };
        connections.check(reader, &raw.connection);
        let tables: BTreeMap<Name, SourceTable> =
            raw.tables.into_iter().map(|(name, raw)| (name.value.clone(), table(name, raw))).collect();
        for table in tables.values() {
            required(reader, table);
        }
        let source = Source { name: Spanned::new(name.clone(), *span), connection: raw.connection, tables };
        sources.insert(name, source);
    }
    sources
}

/// Complains of required columns that are not declared.
fn required(reader: &mut Reader<'_>, table: &SourceTable) {
    let known: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    for column in table.required.iter().filter(|column| !known.contains(&column.as_str())) {
        reader.unknown("column", column.as_str(), column.span, &known);
    }
}

fn table(name: Spanned<Name>, raw: RawTable) -> SourceTable {
    // A map sorts by key; the order of columns is the order in which they were written.
    let mut columns: Vec<_> = raw.columns.into_iter().collect();
    columns.sort_by_key(|(name, _)| name.span.start);
    SourceTable {
        name,
        identifier: raw.identifier,
        description: raw.description,
        key: raw.key,
        freshness: raw.freshness.map(|f| Freshness {
            column: f.column,
            warn: f.warn.map(|d| d.0),
            fail: f.fail.map(|d| d.0),
        }),
        format: raw.format,
        columns,
        required: raw.required,
        create: raw.create.map(|c| Create {
            partitions: c.partitions.unwrap_or(1).max(1),
            replication: c.replication.unwrap_or(1).max(1),
        }),
        bad_rows: match raw.bad_rows {
            Some(RawBadRows::DeadLetter) => BadRows::DeadLetter,
            Some(RawBadRows::Skip) => BadRows::Skip,
            Some(RawBadRows::Fail) | None => BadRows::Fail,
        },
        max_bad_share: raw.max_bad_share.map_or(SourceTable::MAX_BAD_SHARE, |share| share.0),
        path: raw.path,
        optional: raw.optional,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSink {
    connection: Spanned<Name>,
}

fn sinks(reader: &mut Reader<'_>, file: &Value, connections: Known<'_>) -> BTreeMap<Name, Sink> {
    let mut sinks = BTreeMap::new();
    for (name, span, value) in file.key("sinks").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(raw) = value.read::<RawSink>(reader.problems) else {
            reader.unreadable.insert(name);
            continue;
        };
        connections.check(reader, &raw.connection);
        sinks.insert(name.clone(), Sink { name: Spanned::new(name, *span), connection: raw.connection });
    }
    sinks
}

fn replications(
    reader: &mut Reader<'_>,
    file: &Value,
    sources: &BTreeMap<Name, Source>,
    connections: Known<'_>,
) -> BTreeMap<Name, Replication> {
    let mut replications = BTreeMap::new();
    for (name, span, value) in file.key("replications").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(replication) = Replication::read(reader, Spanned::new(name.clone(), *span), value) else {
            reader.unreadable.insert(name);
            continue;
        };
        if !sources.contains_key(&replication.from.value) {
            let known: Vec<&str> = sources.keys().map(Name::as_str).collect();
            reader.unknown("source", replication.from.as_str(), replication.from.span, &known);
        }
        connections.check(reader, &replication.to);
        replications.insert(name, replication);
    }
    replications
}
