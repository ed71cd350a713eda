//! Which tables each source is known to have.

use crate::{id::TableId, name::Name, project::Project};
use std::collections::{BTreeMap, BTreeSet};

/// The known tables of each source, from definitions, declarations and generators.
pub(super) struct Known {
    tables: BTreeMap<Name, BTreeSet<Name>>,
    /// Sources of which a table's definition is known: they have these tables and no others. Of other sources only
    /// facts were given, and the system may hold more.
    closed: BTreeSet<Name>,
}

impl Known {
    pub fn of(project: &Project) -> Self {
        let mut tables: BTreeMap<Name, BTreeSet<Name>> = project
            .sources
            .iter()
            .map(|(name, source)| (name.clone(), source.tables.keys().cloned().collect()))
            .collect();
        let mut closed = BTreeSet::new();
        for TableId { source, table } in project.tables.keys() {
            if let Some(known) = tables.get_mut(source) {
                closed.insert(source.clone());
                known.insert(table.clone());
            }
        }
        for into in project.generators.values().filter_map(|generator| generator.into.as_ref()) {
            if let Some(known) = tables.get_mut(&into.source) {
                closed.insert(into.source.clone());
                known.insert(into.table.clone());
            }
        }
        Self { tables, closed }
    }

    /// The tables that are known.
    pub fn tables(&self, source: &Name) -> impl Iterator<Item = &Name> {
        self.tables.get(source).into_iter().flatten()
    }

    /// Whether there is such a source, and it may have the table.
    pub fn may_have(&self, TableId { source, table }: &TableId) -> bool {
        self.tables.get(source).is_some_and(|known| self.is_open(source) || known.contains(table))
    }

    /// Whether a source may have tables that are not known.
    pub fn is_open(&self, source: &Name) -> bool {
        !self.closed.contains(source)
    }
}
