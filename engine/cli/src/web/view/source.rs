//! Connections: what each is, whether it answers, its tables, how fresh they are, how far streams are behind.

use super::{Data, freshness::Age, node_link};
use crate::{terminal::format, web::http_error::HttpError};
use engine_language::{graph::NodeId, model::Materialized, name::Name, project::Project};
use engine_run::{location, runner::Runner, service::Reading};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A system that does not answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// All connections.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Sources {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// Connections.
    pub connections: Vec<Connection>,
    /// Stream models.
    pub streams: Vec<Stream>,
}

/// A connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Its kind, such as `postgres`.
    pub kind: String,
    /// What came of the last try since the service began.
    pub tried: Option<Tried>,
    /// The tables that the project knows.
    pub tables: Vec<Table>,
    /// What can be done with it.
    pub abilities: Vec<&'static str>,
}

/// A table that the project knows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where its page is.
    pub url: String,
    /// How old its newest row is.
    pub age: Option<Age>,
    /// When it was last made by a run.
    pub made_us: Option<i64>,
    /// Its rows then.
    pub rows: Option<u64>,
}

/// A stream model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "StreamLag")]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Where its page is.
    pub url: String,
    /// Messages that it is behind.
    pub behind: Option<u64>,
}

/// What came of a try.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tried {
    /// When.
    pub at_us: i64,
    /// Whether it answered.
    pub ok: bool,
    /// What it said.
    pub said: String,
    /// How long it took.
    pub took_us: i64,
}

/// What came of tries since this process began.
#[derive(Debug, Default)]
pub struct Trials(Mutex<BTreeMap<String, Tried>>);

impl Trials {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Tried>> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// All connections.
pub fn sources(data: &Data) -> Result<Sources, HttpError> {
    let reading = data.service.reading();
    let project = &reading.project;
    let mut tables = tables(data, project)?;
    let tried = data.trials.all().clone();
    let connections = project.connections.iter().map(|(name, declared)| Connection {
        name: name.to_string(),
        kind: declared.kind.value.clone(),
        tried: tried.get(name.as_str()).cloned(),
        tables: tables.remove(name.as_str()).unwrap_or_default(),
        abilities: abilities(&reading.runner, name),
    });
    Ok(Sources { now_us: data.service.now_us(), connections: connections.collect(), streams: streams(data, project) })
}

/// The tables of each connection.
fn tables(data: &Data, project: &Project) -> Result<BTreeMap<String, Vec<Table>>, HttpError> {
    let ages: BTreeMap<String, Age> =
        data.freshness.ages(data).into_iter().map(|age| (age.table.clone(), age)).collect();
    let mut tables: BTreeMap<String, Vec<Table>> = BTreeMap::new();
    for id in project.graph.nodes.keys().filter(|id| !matches!(id, NodeId::Generator(_) | NodeId::Test(_))) {
        let Some(place) = location::of(project, id) else { continue };
        let built = data.records.built(project.target.as_str(), id)?;
        tables.entry(place.connection.to_string()).or_default().push(Table {
            name: id.name().into_owned(),
            kind: id.kind().word(),
            url: node_link::url(project, id),
            age: ages.get(&*id.name()).cloned(),
            made_us: built.as_ref().map(|built| built.at_us),
            rows: built.and_then(|built| built.rows),
        });
    }
    Ok(tables)
}

fn streams(data: &Data, project: &Project) -> Vec<Stream> {
    let behind = data.service.behind();
    let models = project.models.values().filter(|model| model.config.materialized == Materialized::Stream);
    let stream = |id: NodeId| Stream {
        name: id.name().into_owned(),
        url: node_link::url(project, &id),
        behind: behind.get(&id.to_string()).copied(),
    };
    models.map(|model| stream(NodeId::Model(model.name.clone()))).collect()
}

fn abilities(runner: &Runner, name: &Name) -> Vec<&'static str> {
    let Ok(connection) = runner.systems().get(name) else { return vec![] };
    let can = connection.abilities();
    let words = [(true, "read"), (can.write, "write"), (can.merge, "merge"), (can.stream, "stream")];
    words.into_iter().filter(|(can, _)| *can).map(|(_, word)| word).collect()
}

/// Tries a connection, and remembers what came of it.
pub async fn try_connection(data: &Data, reading: &Reading, name: &str) -> Result<(), HttpError> {
    if !reading.project.connections.contains_key(name) {
        return Err(HttpError::not_found(format!("there is no connection `{name}`")));
    }
    let connection = reading.runner.systems().get(&Name::new(name))?.clone();
    let started = Instant::now();
    let ask = async {
        let what = connection.ping().await?;
        let tables = connection.tables().await?.len();
        Ok::<_, engine_connect::hub::error::Error>(format!("{what}, {}", format::counted(tables as u64, "table")))
    };
    let (ok, said) = match timeout(PATIENCE, ask).await {
        Ok(Ok(said)) => (true, said),
        Ok(Err(error)) => {
            let hint = error.hint.as_ref().map_or(String::new(), |hint| format!(" · {hint}"));
            (false, format!("{error}{hint}"))
        }
        Err(_) => (false, format!("no answer within {} seconds", PATIENCE.as_secs())),
    };
    let said = reading.mask.text(&said);
    let took_us = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
    let tried = Tried { at_us: data.service.now_us(), ok, said, took_us };
    data.trials.all().insert(name.to_owned(), tried);
    data.changes.of_sources();
    data.service.beat();
    Ok(())
}
