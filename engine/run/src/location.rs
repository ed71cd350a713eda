//! Where a node's rows lie.

use engine_language::{graph::NodeId, model::Materialized, name::Name, project::Project};
use std::{collections::BTreeSet, fmt};

/// A table of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The connection.
    pub connection: Name,
    /// The table in it.
    pub table: Name,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.connection, self.table)
    }
}

/// Where a node's rows lie; `None` if they are not stored: views, ephemeral models, tests, generators that fill nothing.
pub fn of(project: &Project, node: &NodeId) -> Option<Place> {
    match node {
        NodeId::Source { source, table } => {
            let source = project.sources.get(source)?;
            Some(Place { connection: source.connection.value.clone(), table: source.called(table) })
        }
        NodeId::Generator(name) => {
            let into = project.generators.get(name)?.into.as_ref()?;
            let source = project.sources.get(&into.source)?;
            Some(Place { connection: source.connection.value.clone(), table: source.called(&into.table) })
        }
        NodeId::Copy { replication, table } => {
            let connection = project.replications.get(replication)?.to.value.clone();
            Some(Place { connection, table: table.clone() })
        }
        NodeId::Seed(name) => {
            let sink = project.sinks.get(&project.settings.default_sink.as_ref()?.value)?;
            Some(Place { connection: sink.connection.value.clone(), table: name.clone() })
        }
        NodeId::Model(name) => {
            let model = project.models.get(name)?;
            if matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral) {
                return None;
            }
            let sink = model.config.sink.as_ref().or(project.settings.default_sink.as_ref())?;
            let connection = project.sinks.get(&sink.value)?.connection.value.clone();
            Some(Place { connection, table: model.config.table.value.clone() })
        }
        NodeId::Test(_) => None,
    }
}

/// Whether a node is a view or an ephemeral model: not stored, and read by its SQL.
pub fn is_view(project: &Project, node: &NodeId) -> bool {
    let materialized = project.model(node).map(|model| model.config.materialized);
    matches!(materialized, Some(Materialized::View | Materialized::Ephemeral))
}

/// The connections that making these nodes reads and writes.
pub fn connections<'a>(project: &'a Project, nodes: impl IntoIterator<Item = &'a NodeId>) -> BTreeSet<Name> {
    let parents = |node| project.graph.parents.get(node).into_iter().flatten();
    let all = nodes.into_iter().flat_map(|node| parents(node).chain([node]));
    all.filter_map(|node| of(project, node)).map(|place| place.connection).collect()
}
