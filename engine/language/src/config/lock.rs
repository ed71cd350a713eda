//! `schema.lock`: what is known of source tables without asking their systems.

use super::project::Reader;
use crate::{name::Name, table::TableDefinition};
use std::collections::BTreeMap;

pub(super) fn read(reader: &mut Reader<'_>) -> BTreeMap<Name, TableDefinition> {
    let Some(file) = reader.toml("project/schema.lock") else { return BTreeMap::new() };
    let mut tables = BTreeMap::new();
    for (name, _, value) in file.entries() {
        if let Some(definition) = value.read::<TableDefinition>(reader.problems) {
            tables.insert(Name::new(name), definition);
        }
    }
    tables
}

/// The text of `schema.lock` for these tables; the same tables always give the same text.
pub fn text(tables: &BTreeMap<Name, TableDefinition>) -> String {
    let head = "# Written by `engine check --online`: what the sources' tables look like. Commit it.\n";
    let body = toml::to_string(tables).unwrap_or_default();
    format!("{head}\n{body}")
}
