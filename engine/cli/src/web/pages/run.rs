//! `/runs/ID`: one run, live: its nodes, when they were at work, and its log.

use super::gantt::{Bar, gantt};
use crate::web::{
    format, http_error::HttpError, layout::Layout, request::RequestContext, response, state::Web, view::node,
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use engine_language::id::NodeId;
use engine_run::{
    history::{
        LogLine,
        lists::{NodeRun, RunRow},
    },
    redact::Mask,
    service::{LiveNode, LiveRun},
};
use serde::{Deserialize, Serialize};

/// Lines of a log that are shown at first, and at once later.
const LINES: u32 = 500;

#[derive(Template, Serialize)]
#[template(path = "run.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    run: RunRow,
    /// Whether it is at work in this process, where it can be cancelled.
    live: bool,
    nodes: Vec<Node>,
    #[serde(skip)]
    gantt: String,
    log: Vec<Line>,
    after: i64,
    vars: Vec<String>,
    full_refresh: bool,
    /// Whether there is something to retry.
    left: bool,
}

/// A node of the run.
#[derive(Debug, Serialize)]
struct Node {
    name: String,
    kind: String,
    url: String,
    state: String,
    doing: String,
    rows: Option<u64>,
    of_rows: Option<u64>,
    events: Option<u64>,
    rejected: u64,
    started_us: Option<i64>,
    took_us: i64,
    note: String,
    verdict: String,
}

/// A line of the log.
#[derive(Debug, Serialize)]
struct Line {
    number: i64,
    at_us: i64,
    level: String,
    node: String,
    message: String,
}

#[derive(Template, Serialize)]
#[template(path = "log.html")]
struct LogPage {
    log: Vec<Line>,
    after: i64,
}

/// From which line on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: i64,
}

/// Shows it.
pub async fn run(request: RequestContext, Path(id): Path<String>) -> Response {
    response::show(request, move |request| page(request, &id)).await
}

/// Lines after a number.
pub async fn log(request: RequestContext, Path(id): Path<String>, Query(after): Query<After>) -> Response {
    response::show(request, move |request| {
        let run = find(&request.web, &id)?;
        let log = lines(&request.web, &run.id, after.after)?;
        Ok(LogPage { after: log.last().map_or(after.after, |line| line.number), log })
    })
    .await
}

/// The run whose id begins so.
pub fn find(web: &Web, id: &str) -> Result<RunRow, HttpError> {
    let id = id.to_uppercase();
    let mut found = if id.len() >= 4 { web.records.runs_named(&id)? } else { vec![] };
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(HttpError::not_found("there is no such run; old ones are forgotten")),
        _ => Err(HttpError::not_found("more than one run begins like that; give more of the id")),
    }
}

fn page(request: &RequestContext, id: &str) -> Result<Page, HttpError> {
    let web = &request.web;
    let now = web.service.now_us();
    let run = find(web, id)?;
    let live = web.service.live().into_iter().find(|live| live.work.run == run.id);
    let nodes = nodes_of(web, &run, live.as_ref(), now)?;
    let bars: Vec<Bar> = nodes
        .iter()
        .filter_map(|node| {
            let (name, state) = (node.name.clone(), node.state.clone());
            Some(Bar { name, state, started_us: node.started_us?, took_us: node.took_us })
        })
        .filter(|bar| bar.state != "skipped")
        .collect();
    let log = lines(web, &run.id, 0)?;
    let requested = web.records.request_of(&run.id)?;
    let mask = web.service.reading().mask.clone();
    let vars = requested
        .iter()
        .flat_map(|requested| &requested.vars)
        .map(|(name, value)| mask.text(&format!("{name}={value}")));
    let ended = run.state != "running" || live.is_none();
    Ok(Page {
        layout: Layout::new(request, &format!("Run {}", run.id)),
        now_us: now,
        live: live.is_some(),
        gantt: gantt(&bars),
        after: log.last().map_or(0, |line| line.number),
        log,
        vars: vars.collect(),
        full_refresh: requested.is_some_and(|requested| requested.options.full_refresh),
        left: ended && run.state != "succeeded",
        nodes,
        run,
    })
}

/// Those that have ended as the records tell, and those at work.
fn nodes_of(web: &Web, run: &RunRow, live: Option<&LiveRun>, now: i64) -> Result<Vec<Node>, HttpError> {
    let reading = web.service.reading();
    let project = &reading.project;
    let mask = reading.mask.clone();
    let mut all: Vec<Node> = web.records.node_runs(&run.id)?.into_iter().map(|node| ended(node, &mask)).collect();
    for node in &mut all {
        node.url = node::url_of(project, &node.url);
    }
    let working = live.iter().flat_map(|live| &live.nodes).filter(|(_, node)| node.status.is_none());
    all.extend(working.map(|(id, node)| Node {
        name: id.name().into_owned(),
        kind: id.kind().word().to_owned(),
        url: node::url(project, id),
        ..at_work(node, now)
    }));
    Ok(all)
}

fn ended(node: NodeRun, mask: &Mask) -> Node {
    let kind = NodeId::parse(&node.node).map_or("", |id| id.kind().word());
    Node {
        name: node::name(&node.node),
        kind: kind.to_owned(),
        url: node.node,
        state: node.status,
        doing: String::new(),
        rows: node.rows,
        of_rows: None,
        events: node.events,
        rejected: node.rejected.unwrap_or(0),
        started_us: node.started_us,
        took_us: node.took_us,
        note: mask.text(&node.note.unwrap_or_default()),
        verdict: node.verdict.unwrap_or_default(),
    }
}

fn at_work(node: &LiveNode, now: i64) -> Node {
    let retried = if node.retries > 0 { format!("tried {} times", node.retries + 1) } else { String::new() };
    Node {
        name: String::new(),
        kind: String::new(),
        url: String::new(),
        state: "running".to_owned(),
        doing: node.doing.to_owned(),
        rows: Some(node.rows).filter(|rows| *rows > 0),
        of_rows: node.of_rows,
        events: None,
        rejected: 0,
        started_us: Some(node.started_us),
        took_us: now.saturating_sub(node.started_us).max(0),
        note: retried,
        verdict: String::new(),
    }
}

fn lines(web: &Web, run: &str, after: i64) -> Result<Vec<Line>, HttpError> {
    let mask = web.service.reading().mask.clone();
    let line = |(number, line): (i64, LogLine)| Line {
        number,
        at_us: line.at_us,
        level: line.level,
        node: line.node.as_deref().map_or(String::new(), |node| node::name(node)),
        message: mask.text(&line.message),
    };
    Ok(web.records.log_after(run, after, LINES)?.into_iter().map(line).collect())
}

/// Runs again what it did not finish.
pub async fn retry(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        request.web.service.retry(&run.id, &request.identity.named())?;
        request.audit("retried", &run.id)?;
        Ok("/runs".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Cancels it.
pub async fn cancel(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        request.web.service.cancel(&run.id, &request.identity.named())?;
        request.audit("cancelled", &run.id)?;
        Ok(format!("/runs/{}", format::url(&run.id)))
    });
    response::redirect_or_error(&request, done.await)
}
