//! Reads `[sources]` of `sources.toml`.

use super::{BadRows, Create, Freshness, Source, SourceTable};
use crate::{
    column::ColumnType,
    config::{
        connection::KnownConnections,
        reader::Reader,
        toml::{
            Spanned, Value,
            amount::{DurationText, Share},
        },
    },
    name::Name,
};
use serde::Deserialize;
use std::collections::BTreeMap;

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

/// The sources.
pub fn read(reader: &mut Reader<'_>, file: &Value, connections: KnownConnections<'_>) -> BTreeMap<Name, Source> {
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
