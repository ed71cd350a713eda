//! Which tables each source is known to have.

use crate::{name::Name, project::Project};
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
        for name in project.tables.keys() {
            if let Some((source, table)) = split(project, name) {
                closed.insert(source.clone());
                tables.entry(source).or_default().insert(table);
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

    /// Whether a source may have the table.
    pub fn may_have(&self, source: &Name, table: &Name) -> bool {
        self.is_open(source) || self.tables(source).any(|known| known == table)
    }

    /// Whether a source may have tables that are not known.
    pub fn is_open(&self, source: &Name) -> bool {
        !self.closed.contains(source)
    }
}

/// `source.table` as its two names, where the source is one of the project's.
pub(super) fn split(project: &Project, name: &Name) -> Option<(Name, Name)> {
    let text = name.as_str();
    text.match_indices('.').find_map(|(dot, _)| {
        let (source, _) = project.sources.get_key_value(&text[..dot])?;
        Some((source.clone(), Name::new(&text[dot + 1..])))
    })
}
