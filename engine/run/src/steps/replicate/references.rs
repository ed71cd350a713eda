//! To which tables the foreign keys of copies may refer.

use super::{Job, Passing, table};
use crate::error::{Error, Result};
use engine_connect::hub::{
    error::{Blame, Error as SystemError},
    source::TableRequest,
};
use engine_language::{name::Name, table::TableDefinition};
use std::collections::BTreeSet;

/// The tables of a replication that foreign keys of a copy may refer to.
#[derive(Debug, Default)]
pub struct Referable {
    /// Those that are copied now, and those whose copies are there.
    pub now: BTreeSet<String>,
    /// Those of the replication that were never copied.
    missing: BTreeSet<String>,
}

impl Referable {
    /// Whether a copy of the table has all foreign keys that it will ever have. One that lacks some is copied again, when the
    /// tables that they refer to are there.
    pub fn holds(&self, definition: &TableDefinition) -> bool {
        definition.foreign_keys.iter().all(|key| !self.missing.contains(&key.table))
    }
}

impl Job<'_> {
    /// Looks which tables of the replication are there, of those that are not copied in this step but referred to.
    pub(super) async fn referable(&self, tables: &[Passing]) -> Result<Referable> {
        let mut referable =
            Referable { now: self.nodes.iter().map(|node| table(node).to_string()).collect(), ..Referable::default() };
        let others: BTreeSet<&Name> = self.run.runner.project.graph.copies(&self.replication.name).collect();
        let keys = tables.iter().flat_map(|table| &table.open.definition.foreign_keys);
        let wanted: BTreeSet<&str> = keys.map(|key| key.table.as_str()).collect();
        for name in others.into_iter().filter(|name| wanted.contains(name.as_str())) {
            if referable.now.contains(name.as_str()) {
                continue;
            }
            let there = self.to.readable()?.is_there(&TableRequest::all(name.clone())).await?;
            if there { &mut referable.now } else { &mut referable.missing }.insert(name.to_string());
        }
        Ok(referable)
    }

    /// Says that a part of a replication may refer to rows which only a copy of all of it would bring.
    pub(super) fn part_refused(&self, error: SystemError) -> Error {
        let all = self.run.runner.project.graph.copies(&self.replication.name).count();
        let whole = self.nodes.len() == all;
        if error.blame != Blame::Data || error.hint.is_some() || whole {
            return error.into();
        }
        let name = &self.replication.name.value;
        error
            .hint(format!("only a part of `{name}` was copied, beside older copies: copy all by `engine run {name}.*`"))
            .into()
    }
}
