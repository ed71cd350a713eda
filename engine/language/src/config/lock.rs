//! `schema.lock`: what is known of source tables without asking their systems.

use super::{reader::Reader, source::Source};
use crate::{
    id::{self, TableId},
    name::Name,
    table::TableDefinition,
};
use std::collections::BTreeMap;

pub(super) fn read(reader: &mut Reader<'_>, sources: &BTreeMap<Name, Source>) -> BTreeMap<TableId, TableDefinition> {
    let Some(file) = reader.toml("project/schema.lock") else { return BTreeMap::new() };
    let mut tables = BTreeMap::new();
    for (name, _, value) in file.entries() {
        let known = id::pairs(name).find(|(source, _)| sources.contains_key(source));
        let Some((source, table)) = known.or_else(|| id::pair(name)) else { continue };
        if let Some(definition) = value.read::<TableDefinition>(reader.problems) {
            tables.insert(TableId { source, table }, definition);
        }
    }
    tables
}

/// The text of `schema.lock` for these tables; the same tables always give the same text.
pub fn text(tables: &BTreeMap<TableId, TableDefinition>) -> String {
    let head = "# Written by `engine check --online`: what the sources' tables look like. Commit it.\n";
    let tables: BTreeMap<String, &TableDefinition> =
        tables.iter().map(|(table, definition)| (table.to_string(), definition)).collect();
    let body = toml::to_string(&tables).unwrap_or_default();
    format!("{head}\n{body}")
}
