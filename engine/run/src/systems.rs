//! The project's connections, made but not yet opened.

use crate::{
    error::{Error, Result},
    location::{self, Place},
};
use engine_connect::hub::{connection::Connection, registry::Registry, source::TableRequest};
use engine_language::{
    code,
    config::source::SourceTable,
    diagnostic::{Diagnostic, Problems},
    graph::NodeId,
    name::Name,
    project::Project,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Connections by name.
#[derive(Clone, Debug, Default)]
pub struct Systems {
    connections: BTreeMap<Name, Arc<dyn Connection>>,
}

impl Systems {
    /// Makes all connections of the chosen target, without I/O; complains of what is wrong with them.
    pub fn connect(project: &Project, root: &Path, problems: &mut Problems) -> Self {
        let registry = Registry::builtin();
        let made = project
            .connections
            .iter()
            .filter_map(|(name, declared)| Some((name.clone(), registry.connect(declared, root, problems)?)));
        Self { connections: made.collect() }
    }

    /// These connections, for tests and rehearsals.
    pub fn of(connections: BTreeMap<Name, Arc<dyn Connection>>) -> Self {
        Self { connections }
    }

    /// The connection of that name.
    pub fn get(&self, name: &Name) -> Result<&Arc<dyn Connection>> {
        self.connections.get(name).ok_or_else(|| {
            let message = format!("the connection `{name}` stands for nothing in this target");
            Error::Project(Box::new(Diagnostic::error(&code::E0401, None, message).hint("choose another with `-t`")))
        })
    }

    /// All connections, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<dyn Connection>)> {
        self.connections.iter()
    }

    /// Where a node's rows lie, and the connection that holds them.
    pub fn locate(&self, project: &Project, node: &NodeId) -> Result<(Place, Arc<dyn Connection>)> {
        let place = location::of(project, node).ok_or_else(|| {
            let message = format!("`{}` has no table", node.name());
            Error::Project(Box::new(Diagnostic::error(&code::E0307, None, message)))
        })?;
        let connection = self.get(&place.connection)?.clone();
        Ok((place, connection))
    }
}

/// What the project declares of a table that lies there, as a source's.
pub fn declared(project: &Project, place: &Place) -> Option<Arc<SourceTable>> {
    let sources = project.sources.values().filter(|source| source.connection.value == place.connection);
    let tables = sources.flat_map(|source| source.tables.iter().map(move |(name, table)| (source.called(name), table)));
    tables.into_iter().find(|(called, _)| *called == place.table).map(|(_, table)| Arc::new(table.clone()))
}

/// What to ask for to read a node's table, with what the project declares of it.
pub fn request(project: &Project, node: &NodeId, place: &Place) -> TableRequest {
    let declared = match node {
        NodeId::Source { source, table } => project.sources.get(source).and_then(|source| source.tables.get(table)),
        _ => None,
    };
    let declared = declared.cloned().map(Arc::new);
    TableRequest { declared, ..TableRequest::all(place.table.clone()) }
}
