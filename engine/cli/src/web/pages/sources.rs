//! `/sources`: every connection: what it is, whether it answers, its tables, how fresh they are, how far streams are
//! behind.

use crate::web::{
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    state::Web,
    view::{freshness::Age, node},
};
use askama::Template;
use axum::{extract::Path, response::Response};
use engine_language::graph::NodeId;
use engine_run::location;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Template, Serialize)]
#[template(path = "sources.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    connections: Vec<Connection>,
    streams: Vec<Stream>,
}

/// A connection.
#[derive(Debug, Serialize)]
struct Connection {
    name: String,
    kind: String,
    /// What came of the last try.
    tried: Option<Tried>,
    tables: Vec<Table>,
    abilities: Vec<&'static str>,
}

/// A table that the project knows.
#[derive(Debug, Serialize)]
struct Table {
    name: String,
    kind: &'static str,
    url: String,
    age: Option<Age>,
    /// When it was last made by a run.
    made_us: Option<i64>,
    rows: Option<u64>,
}

/// A stream model.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    url: String,
    behind: Option<u64>,
}

/// What came of a try.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Whether it answered.
    pub ok: bool,
    /// What it said.
    pub said: String,
    /// How long it took.
    pub took_us: i64,
}

/// What came of tries since this process began.
static TRIED: LazyLock<Mutex<BTreeMap<String, Tried>>> = LazyLock::new(Mutex::default);

/// Shows them.
pub async fn sources(request: RequestContext) -> Response {
    response::show(request, page).await
}

fn page(request: &RequestContext) -> Result<Page, HttpError> {
    let web = &request.web;
    let reading = web.service.reading();
    let project = &reading.project;
    let ages: BTreeMap<String, Age> = web.freshness.ages(web).into_iter().map(|age| (age.table.clone(), age)).collect();
    let mut tables: BTreeMap<String, Vec<Table>> = BTreeMap::new();
    for id in project.graph.nodes.keys().filter(|id| !matches!(id, NodeId::Generator(_) | NodeId::Test(_))) {
        let Some(place) = location::of(project, id) else { continue };
        let built = web.records.built(project.target.as_str(), id)?;
        tables.entry(place.connection.to_string()).or_default().push(Table {
            name: id.name().into_owned(),
            kind: id.kind().word(),
            url: node::url(project, id),
            age: ages.get(&*id.name()).cloned(),
            made_us: built.as_ref().map(|built| built.at_us),
            rows: built.and_then(|built| built.rows),
        });
    }
    let tried = TRIED.lock().expect("no holder of this lock panics").clone();
    let connections = project.connections.iter().map(|(name, declared)| Connection {
        name: name.to_string(),
        kind: declared.kind.value.clone(),
        tried: tried.get(name.as_str()).cloned(),
        tables: tables.remove(name.as_str()).unwrap_or_default(),
        abilities: abilities(&reading.runner, name),
    });
    let behind = web.service.behind();
    let streams = project
        .models
        .values()
        .filter(|model| model.config.materialized == engine_language::model::Materialized::Stream);
    let streams = streams.map(|model| {
        let id = engine_language::graph::NodeId::Model(model.name.clone());
        Stream {
            name: id.name().into_owned(),
            url: node::url(project, &id),
            behind: behind.get(&id.to_string()).copied(),
        }
    });
    Ok(Page {
        layout: Layout::new(request, "Sources"),
        now_us: web.service.now_us(),
        connections: connections.collect(),
        streams: streams.collect(),
    })
}

fn abilities(runner: &engine_run::execute::runner::Runner, name: &engine_language::name::Name) -> Vec<&'static str> {
    let Ok(connection) = runner.systems().get(name) else { return vec![] };
    let can = connection.abilities();
    let words = [(true, "read"), (can.write, "write"), (can.merge, "merge"), (can.stream, "stream")];
    words.into_iter().filter(|(can, _)| *can).map(|(_, word)| word).collect()
}

/// Tries a connection.
pub async fn test(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = tried(&request, &name).await;
    response::redirect_or_error(&request, done.map(|()| "/sources".to_owned()))
}

async fn tried(request: &RequestContext, name: &str) -> Result<(), HttpError> {
    let reading = request.web.service.reading();
    if !reading.project.connections.contains_key(name) {
        return Err(HttpError::not_found(format!("there is no connection `{name}`")));
    }
    let connection = reading.runner.systems().get(&engine_language::name::Name::new(name))?.clone();
    let started = Instant::now();
    let ask = async {
        let what = connection.ping().await?;
        let tables = connection.tables().await?.len();
        Ok::<_, engine_connect::hub::error::Error>(format!(
            "{what}, {}",
            crate::terminal::format::counted(tables as u64, "table")
        ))
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
    let tried = Tried { at_us: request.web.service.now_us(), ok, said, took_us };
    TRIED.lock().expect("no holder of this lock panics").insert(name.to_owned(), tried);
    let name = name.to_owned();
    request.blocking(move |request: &RequestContext| request.audit("tried", &name)).await?;
    beat(&request.web);
    Ok(())
}

fn beat(web: &Web) {
    web.service.beat();
}
