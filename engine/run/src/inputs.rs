//! Opens what a query reads, and gives it the names that the query uses.

use crate::{
    error::{Error, Result},
    location,
    runner::Runner,
    sql::{classify_error, session::Session},
    systems,
};
use engine_connect::hub::source::ReadRequest;
use engine_language::{graph::NodeId, name::Name, rendered::Rendered};
use std::collections::{BTreeMap, BTreeSet};

/// Opens everything that a rendered query reads: the tables of each connection as of one instant, views as their SQL.
pub async fn open(runner: &Runner, session: &Session, rendered: &Rendered) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut views = vec![];
    let mut stored: BTreeMap<Name, Vec<NodeId>> = BTreeMap::new();
    gather(runner, rendered, &mut seen, &mut views, &mut stored)?;
    for (connection, nodes) in stored {
        tables(runner, session, &connection, &nodes).await?;
    }
    for name in views {
        let model = &runner.project.models[&name];
        let located = |error| classify_error::in_model(&model.rendered, error, &NodeId::Model(name.clone()));
        let frame = session.query(&model.rendered.sql).await.map_err(located)?;
        session.register("models", name.as_str(), frame.into_view())?;
    }
    Ok(())
}

/// What is read, directly or through views; views after what they read.
fn gather(
    runner: &Runner,
    rendered: &Rendered,
    seen: &mut BTreeSet<NodeId>,
    views: &mut Vec<Name>,
    stored: &mut BTreeMap<Name, Vec<NodeId>>,
) -> Result<()> {
    for read in &rendered.reads {
        let node = &read.value;
        if !seen.insert(node.clone()) {
            continue;
        }
        if let Some(place) = location::of(&runner.project, node) {
            stored.entry(place.connection).or_default().push(node.clone());
            continue;
        }
        let view = runner.project.model(node).ok_or(Error::Cancelled)?;
        gather(runner, &view.rendered, seen, views, stored)?;
        views.push(view.name.clone());
    }
    Ok(())
}

async fn tables(runner: &Runner, session: &Session, connection: &Name, nodes: &[NodeId]) -> Result<()> {
    let system = runner.systems.get(connection)?;
    let requests = nodes.iter().map(|node| {
        let place = location::of(&runner.project, node).expect("only stored nodes are asked for");
        systems::request(&runner.project, node, &place)
    });
    let reading = system.open(ReadRequest { tables: requests.collect() }).await?;
    for (node, open) in nodes.iter().zip(reading.tables) {
        let (schema, table) = node.in_sql();
        session.register(schema, table, open.provider)?;
    }
    Ok(())
}
