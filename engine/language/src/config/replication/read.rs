//! Reads `[replications]` of `sources.toml`.

use super::{Replication, ReplicationMode, Verify};
use crate::{
    code::{self, Code},
    config::{
        connection::KnownConnections,
        reader::Reader,
        source::Source,
        toml::{Spanned, Value, amount::DurationText},
    },
    diagnostic::Diagnostic,
    name::{Name, nearest},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    from: Spanned<Name>,
    to: Spanned<Name>,
    tables: Vec<Spanned<String>>,
    #[serde(default)]
    mode: ReplicationMode,
    cursor: Option<Spanned<String>>,
    overlap: Option<DurationText>,
    #[serde(default)]
    verify: Verify,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
}

/// What the codes of losses begin with.
const LOSSES: &str = "W05";

/// The replications.
pub fn read(
    reader: &mut Reader<'_>,
    file: &Value,
    sources: &BTreeMap<Name, Source>,
    connections: KnownConnections<'_>,
) -> BTreeMap<Name, Replication> {
    let mut replications = BTreeMap::new();
    for (name, span, value) in file.key("replications").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(replication) = one(reader, Spanned::new(name.clone(), *span), value) else {
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

/// Reads the table of a replication; complains of what is wrong with it.
fn one(reader: &mut Reader<'_>, name: Spanned<Name>, value: &Value) -> Option<Replication> {
    let raw = value.read::<Raw>(reader.problems)?;
    let incremental = raw.mode == ReplicationMode::Incremental;
    if incremental && raw.cursor.is_none() {
        let problem = Diagnostic::error(&code::E0004, name.span, "the key `cursor` is missing");
        let hint = "`mode = \"incremental\"` needs the column that only grows, such as `cursor = \"updated_at\"`";
        reader.problems.push(problem.hint(hint));
    }
    if let Some(cursor) = raw.cursor.as_ref().filter(|_| !incremental) {
        let problem = Diagnostic::error(&code::E0005, cursor.span, "a `cursor` is of no use without `incremental`");
        reader.problems.push(problem.hint("add `mode = \"incremental\"`, or take `cursor` away"));
    }
    let allow = raw.allow.iter().filter_map(|written| allowed(reader, written)).collect();
    Some(Replication {
        name,
        from: raw.from,
        to: raw.to,
        tables: raw.tables,
        mode: raw.mode,
        cursor: raw.cursor,
        overlap: raw.overlap.map(|overlap| overlap.0),
        verify: raw.verify,
        allow,
    })
}

fn allowed(reader: &mut Reader<'_>, written: &Spanned<String>) -> Option<&'static Code> {
    let losses = || code::ALL.iter().filter(|code| code.id.starts_with(LOSSES));
    if let Some(code) = losses().find(|code| code.id.eq_ignore_ascii_case(written)) {
        return Some(code);
    }
    let problem = Diagnostic::error(&code::E0005, written.span, format!("`{}` is no loss", written.value));
    let known: Vec<&str> = losses().map(|code| code.id).collect();
    reader.problems.push(match nearest(written, known.iter().copied()) {
        Some(near) => problem.fix("a code with a similar name exists", written.span, format!("\"{near}\"")),
        None => problem.hint(format!("known: {}", known.join(", "))),
    });
    None
}
