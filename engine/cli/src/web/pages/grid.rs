//! `/grid`: runs by nodes.

use crate::web::{http_error::HttpError, layout::Layout, request::RequestContext, response, view::node};
use askama::Template;
use axum::{extract::Query, response::Response};
use engine_run::history::lists::{RunFilter, RunRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Runs that are shown.
const RUNS: u32 = 30;

#[derive(Template, Serialize)]
#[template(path = "grid.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    /// Oldest first.
    runs: Vec<RunRow>,
    rows: Vec<Row>,
    schedule: String,
    schedules: Vec<String>,
}

/// A node, and how it ended in each run.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    url: String,
    cells: Vec<Option<String>>,
}

/// Of which schedule.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Of {
    schedule: String,
}

/// Shows it.
pub async fn grid(request: RequestContext, Query(of): Query<Of>) -> Response {
    response::show(request, move |request| page(request, &of.schedule)).await
}

fn page(request: &RequestContext, schedule: &str) -> Result<Page, HttpError> {
    let web = &request.web;
    let reading = web.service.reading();
    let project = &reading.project;
    let filter = RunFilter {
        schedule: Some(schedule.to_owned()).filter(|name| !name.is_empty()),
        without_streams: schedule.is_empty(),
        ..RunFilter::default()
    };
    let mut runs = web.records.run_rows(&filter, RUNS)?;
    runs.reverse();
    let mut states: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate() {
        for node in web.records.node_runs(&run.id)? {
            states.entry(node.node).or_insert_with(|| vec![None; runs.len()])[i] = Some(node.status);
        }
    }
    let row = |id: &engine_language::graph::NodeId| {
        let cells = states.get(&id.to_string())?.clone();
        Some(Row { name: id.name().into_owned(), kind: id.kind().word(), url: node::url(project, id), cells })
    };
    Ok(Page {
        layout: Layout::new(request, "Grid"),
        now_us: web.service.now_us(),
        rows: project.graph.order().iter().filter_map(row).collect(),
        runs,
        schedule: schedule.to_owned(),
        schedules: project.schedules.keys().map(ToString::to_string).collect(),
    })
}
