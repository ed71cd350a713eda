//! `[sources.NAME]`: what SQL may read.

pub(super) mod read;

use super::toml::Spanned;
use crate::{
    column::ColumnType,
    id::TableId,
    name::Name,
    table::{Column, TableDefinition},
};
use std::{collections::BTreeMap, time::Duration};

/// A set of tables behind one connection.
#[derive(Clone, Debug)]
pub struct Source {
    /// `shop` in `source('shop', 'orders')`.
    pub name: Spanned<Name>,
    /// The connection that holds the tables.
    pub connection: Spanned<Name>,
    /// Facts given for some of its tables; others may exist.
    pub tables: BTreeMap<Name, SourceTable>,
}

/// `[sources.shop.tables.orders]`: facts about a table that the system does not tell.
#[derive(Clone, Debug)]
pub struct SourceTable {
    /// The table's or topic's name.
    pub name: Spanned<Name>,
    /// What the system calls it, if that is another name.
    pub identifier: Option<Spanned<Name>>,
    /// What the docs say of it.
    pub description: Option<String>,
    /// The key's columns; empty means that the system is asked.
    pub key: Vec<Spanned<String>>,
    /// How old its newest row may be.
    pub freshness: Option<Freshness>,
    /// How a message or file is written: `json`, `avro`, `csv`, …
    pub format: Option<Spanned<String>>,
    /// Declared columns, in order; empty means that the system is asked.
    pub columns: Vec<(Spanned<String>, Spanned<ColumnType>)>,
    /// Columns, beside the key's, without which a message cannot be read.
    pub required: Vec<Spanned<String>>,
    /// How to create a topic that is missing.
    pub create: Option<Create>,
    /// What becomes of rows that cannot be read as declared.
    pub bad_rows: BadRows,
    /// The share of messages that may be bad; a stream that meets more stops.
    pub max_bad_share: f64,
    /// Where files lie, relative to the connection's folder; globs.
    pub path: Option<Spanned<String>>,
    /// Whether the table may be missing: then it is empty.
    pub optional: bool,
}

impl Source {
    /// What the system calls a table of the source.
    pub fn called(&self, table: &Name) -> Name {
        let identifier = self.tables.get(table).and_then(|table| table.identifier.as_ref());
        identifier.map_or_else(|| table.clone(), |name| name.value.clone())
    }
}

impl SourceTable {
    /// `max_bad_share` where it is not given.
    pub const MAX_BAD_SHARE: f64 = 0.5;
}

/// How old the newest row may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The column that tells a row's age.
    pub column: Spanned<String>,
    /// Older is a warning.
    pub warn: Option<Duration>,
    /// Older fails.
    pub fail: Option<Duration>,
}

/// How to create a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Partitions, at least 1.
    pub partitions: u32,
    /// Copies of each, at least 1.
    pub replication: u32,
}

/// What becomes of rows that cannot be read as declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// They go to the dead letters, with their place, bytes and reason.
    DeadLetter,
    /// They fail the read.
    #[default]
    Fail,
    /// They are counted and left out.
    Skip,
}

/// Definitions of the tables whose columns are declared.
pub(super) fn declared_tables(sources: &BTreeMap<Name, Source>) -> BTreeMap<TableId, TableDefinition> {
    let mut tables = BTreeMap::new();
    for source in sources.values() {
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
