//! What replications would lose, known before any row moves.

use crate::systems::Systems;
use engine_connect::hub::loss::Loss;
use engine_language::{
    code,
    column::ColumnType,
    config::replication::Replication,
    diagnostic::Diagnostic,
    id::TableId,
    name::Name,
    project::Project,
    table::{Column, TableDefinition},
};
use std::collections::BTreeSet;

/// A warning for each loss that is not allowed, of the tables whose definitions are known.
pub fn find(project: &Project, systems: &Systems) -> Vec<Diagnostic> {
    project.replications.values().flat_map(|replication| of(project, systems, replication)).collect()
}

fn of(project: &Project, systems: &Systems, replication: &Replication) -> Vec<Diagnostic> {
    let Ok(to) = systems.get(&replication.to.value) else { return vec![] };
    let copied = copied(project, replication);
    let mut found = vec![];
    for table in &copied {
        let source = TableId::new(replication.from.value.clone(), table.clone());
        let Some(definition) = project.tables.get(&source) else { continue };
        let losses = to
            .sink()
            .map(|sink| sink.losses(definition))
            .unwrap_or_default()
            .into_iter()
            .chain(types(definition, to.kind()));
        let losses = losses.chain(foreign_keys(definition, &copied)).chain(unsaid(definition));
        for loss in losses.filter(|loss| !replication.allow.contains(&loss.code)) {
            found.push(diagnostic(replication, table, loss));
        }
    }
    found
}

/// The tables that a replication copies.
fn copied(project: &Project, replication: &Replication) -> BTreeSet<Name> {
    project.graph.copies(&replication.name).cloned().collect()
}

/// Types of the source's own that texts or bytes stand for in another system.
fn types<'a>(definition: &'a TableDefinition, target: &'a str) -> impl Iterator<Item = Loss> {
    let stands = |column: &&Column| {
        matches!(column.kind, ColumnType::Text(_) | ColumnType::Bytes | ColumnType::Json) && column.labels.is_empty()
    };
    definition.columns.iter().filter(stands).filter_map(move |column| {
        let (system, own) = column.native.as_deref()?.split_once(':')?;
        // Which of a kind's products it is says nothing here.
        let own = own.split_once(':').map_or(own, |(_, own)| own);
        let message = format!("column `{}` is `{own}`, and its copy is `{}`", column.name, column.kind);
        (system != target).then(|| Loss::new(&code::W0516, message))
    })
}

/// References to tables that are not copied.
fn foreign_keys<'a>(definition: &'a TableDefinition, copied: &'a BTreeSet<Name>) -> impl Iterator<Item = Loss> {
    let lost = definition.foreign_keys.iter().filter(|key| !copied.contains(key.table.as_str()));
    lost.map(|key| {
        let message = format!("its ({}) refers to `{}`, which is not copied", key.columns.join(", "), key.table);
        Loss::new(&code::W0515, message).hint(format!("copy `{}` too", key.table))
    })
}

/// What the source's system knows of a table beyond what is carried.
fn unsaid(definition: &TableDefinition) -> impl Iterator<Item = Loss> {
    definition.unsaid.iter().map(|what| Loss::new(&code::W0518, format!("{what} is not carried over")))
}

fn diagnostic(replication: &Replication, table: &Name, loss: Loss) -> Diagnostic {
    let source = TableId::new(replication.from.value.clone(), table.clone());
    let message = format!("`{source}`: {}", loss.message);
    let mut found = Diagnostic::warning(loss.code, replication.name.span, message);
    if let Some(hint) = loss.hint {
        found = found.hint(hint);
    }
    found.hint(format!("or allow it: `allow = [\"{}\"]`", loss.code.id))
}
