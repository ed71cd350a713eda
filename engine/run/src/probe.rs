//! What of a system is asked before it is needed: that it answers, and that what the project reads and writes there may be.

use crate::{
    location,
    systems::{self, Systems},
};
use datafusion::{error::DataFusionError, prelude::SessionContext};
use engine_connect::hub::{
    connection::Connection,
    error::{Blame, Error, Result},
    source::{ReadRequest, TableRequest},
};
use engine_language::{
    config::replication::ReplicationMode,
    graph::{NodeId, NodeKind},
    model::Materialized,
    name::Name,
    project::Project,
};
use futures::StreamExt as _;
use std::sync::Arc;

/// What a system answered.
#[derive(Debug, Default)]
pub struct Examined {
    /// What stands behind the connection, if it answered at all.
    pub what: Option<String>,
    /// How many tables there are.
    pub tables: usize,
    /// All that is wrong.
    pub wrong: Vec<Error>,
}

/// Tries a connection, a row of each table that the project reads there, and what writing needs if it writes there. Leaves
/// everything as it was.
pub async fn system(project: &Project, systems: &Systems, name: &Name, connection: &Arc<dyn Connection>) -> Examined {
    let what = match connection.ping().await {
        Ok(what) => what,
        Err(error) => return Examined { wrong: vec![error], ..Examined::default() },
    };
    let mut examined = Examined { what: Some(what), ..Examined::default() };
    let written = is_written(project, name);
    if written
        && let Some(sink) = connection.sink()
        && let Err(error) = sink.check_privileges(&replaced(project, name)).await
    {
        examined.wrong.push(error);
    }
    match connection.tables().await {
        Ok(tables) => examined.tables = tables.len(),
        // What is only written may be made by the first run.
        Err(_) if written && !is_read(project, name) => {}
        Err(error) => examined.wrong.push(error),
    }
    for (node, place) in read(project, systems, name) {
        let request = systems::request(project, &node, &place);
        if let Err(error) = one_row(name, connection, request).await {
            examined.wrong.push(error);
        }
    }
    examined
}

fn is_read(project: &Project, connection: &Name) -> bool {
    project.sources.values().any(|source| source.connection.value == *connection)
}

fn is_written(project: &Project, connection: &Name) -> bool {
    project.sinks.values().any(|sink| sink.connection.value == *connection)
        || project.replications.values().any(|replication| replication.to.value == *connection)
}

/// The tables in it that are read and that nothing of the project makes, topics aside.
fn read(project: &Project, systems: &Systems, connection: &Name) -> Vec<(NodeId, location::Place)> {
    let graph = &project.graph;
    let made = |id: &NodeId| graph.parents.get(id).is_some_and(|parents| !parents.is_empty());
    let outside = graph.nodes.keys().filter(|id| id.kind() == NodeKind::Source && !made(id));
    let placed = outside.filter_map(|id| Some((id.clone(), location::of(project, id)?)));
    let topics = systems.get(connection).is_ok_and(|connection| connection.abilities().stream);
    placed.filter(|(_, place)| place.connection == *connection && !topics).collect()
}

/// The tables in it that runs put new ones in place of.
fn replaced(project: &Project, connection: &Name) -> Vec<Name> {
    let whole = |id: &&NodeId| match id {
        NodeId::Seed(_) => true,
        NodeId::Model(_) => {
            let model = project.model(id);
            model.is_some_and(|model| model.config.materialized == Materialized::Table)
        }
        NodeId::Copy { .. } => {
            project.replication(id).is_some_and(|replication| replication.mode == ReplicationMode::Full)
        }
        NodeId::Source { .. } | NodeId::Generator(_) | NodeId::Test(_) => false,
    };
    let placed = project.graph.nodes.keys().filter(whole).filter_map(|id| location::of(project, id));
    placed.filter(|place| place.connection == *connection).map(|place| place.table).collect()
}

/// Reads a row, if there is one, as a run would.
async fn one_row(name: &Name, connection: &Arc<dyn Connection>, request: TableRequest) -> Result<()> {
    let doing = format!("reading `{}`", request.table);
    let ours = |error| match error {
        DataFusionError::External(ours) if ours.is::<Error>() => *ours.downcast::<Error>().expect("it was just asked"),
        other => Error::new(name, &*doing, Blame::System, other),
    };
    let reading = connection.open(ReadRequest { tables: vec![request] }).await?;
    let frame = SessionContext::new().read_table(reading.tables[0].provider.clone());
    let frame = frame.and_then(|frame| frame.limit(0, Some(1))).map_err(ours)?;
    let mut rows = frame.execute_stream().await.map_err(ours)?;
    rows.next().await.transpose().map(drop).map_err(ours)
}
