//! The tables that nobody declared: asked of their systems.

use crate::{error::Result, systems::Systems};
use engine_connect::hub::source::TableRequest;
use engine_language::{
    code,
    config::source::Source,
    diagnostic::{Problems, Severity},
    id::TableId,
    name::Name,
    project::Project,
    table::TableDefinition,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Tables asked for at once.
const AT_ONCE: usize = 8;

/// Definitions of tables.
pub type Tables = BTreeMap<TableId, TableDefinition>;

/// The sources of which some replication copies all tables that match: what these have is not known without asking.
pub fn open_sources(project: &Project) -> BTreeSet<Name> {
    let globs = |table: &str| table.contains(['*', '?', '[', '{']);
    let replications = project.replications.values();
    let open = replications.filter(|replication| replication.tables.iter().any(|table| globs(table)));
    open.map(|replication| replication.from.value.clone()).collect()
}

/// Whether a project's errors may only be that nobody was asked yet: something is named that is not there.
pub fn may_help(problems: &Problems) -> bool {
    let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors.all(|error| [code::E0420.id, code::E0431.id].contains(&error.code.id))
}

/// Asks for all tables of some sources.
pub async fn tables(project: &Project, systems: &Systems, sources: &BTreeSet<Name>) -> Result<Tables> {
    let mut found = Tables::new();
    for source in sources.iter().filter_map(|name| project.sources.get(name)) {
        found.extend(of(source, systems).await?);
    }
    Ok(found)
}

async fn of(source: &Source, systems: &Systems) -> Result<Tables> {
    let connection = systems.get(&source.connection.value)?.clone();
    let mut names: BTreeSet<Name> = connection.tables().await?.into_iter().collect();
    // What is declared under a name of its own is not there a second time.
    for renamed in source.tables.values().filter_map(|table| table.identifier.as_ref()) {
        names.remove(&renamed.value);
    }
    names.extend(source.tables.keys().cloned());
    let asked = names.into_iter().map(|table| {
        let declared = source.tables.get(&table).cloned().map(Arc::new);
        let request = TableRequest { declared, ..TableRequest::all(source.called(&table)) };
        let (connection, name) = (connection.clone(), TableId::new(source.name.value.clone(), table));
        async move {
            let definition = connection.readable()?.describe(&request).await?;
            Ok::<_, crate::error::Error>(definition.map(|definition| (name, definition)))
        }
    });
    let asked: Vec<_> = asked.collect();
    let found: Vec<Option<(TableId, TableDefinition)>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
