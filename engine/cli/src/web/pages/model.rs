//! `/models/NAME`: one node: what it is, its rows, its SQL, what it reads and who reads it, its runs, its snapshot.

mod code;
mod data;
mod lineage;

use super::models::squares;
use crate::web::{
    format::{self, Square},
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    view::node,
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use code::Code;
use data::Data;
use engine_language::{
    graph::{NodeId, NodeKind},
    model::Model,
};
use engine_run::{
    check,
    history::{checks::CheckRecord, lists::NodeRun},
    location,
    service::Reading,
};
use lineage::Lineage;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

const TABS: [(&str, &str); 6] = [
    ("overview", "Overview"),
    ("data", "Data"),
    ("sql", "SQL"),
    ("lineage", "Lineage"),
    ("runs", "Runs"),
    ("snapshot", "Snapshot"),
];

#[derive(Template, Serialize)]
#[template(path = "model.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    name: String,
    kind: &'static str,
    url: String,
    description: String,
    tags: Vec<String>,
    path: Option<String>,
    facts: Vec<(&'static str, String)>,
    state: Option<String>,
    last_us: Option<i64>,
    #[serde(skip)]
    squares: Vec<Square>,
    #[serde(skip)]
    tabs: Vec<(&'static str, &'static str)>,
    tab: String,
    /// Whether running it does something.
    runs_by_hand: bool,
    columns: Vec<(String, String)>,
    checks: Vec<CheckRecord>,
    /// Checks that are declared and have not run.
    not_run: Vec<String>,
    runs: Vec<NodeRun>,
    data: Option<Data>,
    code: Option<Code>,
    lineage: Option<Lineage>,
    snapshot: Option<Vec<(char, String)>>,
    /// Whether the snapshot is not what `engine test` found the last time.
    differs: bool,
}

/// Which part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tab {
    tab: String,
}

/// Shows it.
pub async fn model(request: RequestContext, Path(name): Path<String>, Query(tab): Query<Tab>) -> Response {
    let runtime = Handle::current();
    response::show(request, move |request| page(request, &name, &tab.tab, &runtime)).await
}

fn page(request: &RequestContext, name: &str, tab: &str, runtime: &Handle) -> Result<Page, HttpError> {
    let web = &request.web;
    let reading = web.service.reading();
    let project = &reading.project;
    let unknown = || HttpError::not_found(format!("there is nothing called `{name}` in the project"));
    let id = node::find(project, name).ok_or_else(unknown)?;
    let model = project.model(&id);
    let tab = TABS.iter().find(|(known, _)| *known == tab).map_or("overview", |(known, _)| known);
    let runs = web.records.runs_of_node(&id.to_string(), 50)?;
    let last = runs.iter().find(|run| run.status != "skipped");
    let mask = reading.mask.clone();
    let node = project.graph.nodes.get(&id);
    let checks = web.records.checks(project.target.as_str(), Some(&id.to_string()))?;
    let snapshot = if tab == "snapshot" { code::snapshot(&web.root, &id.name()) } else { None };
    Ok(Page {
        layout: Layout::new(request, &id.name()),
        now_us: web.service.now_us(),
        name: id.name().into_owned(),
        kind: id.kind().word(),
        url: node::url(project, &id),
        description: model
            .and_then(|model| model.config.description.as_deref())
            .map(|text| mask.text(text))
            .unwrap_or_default(),
        tags: node.map(|node| node.tags.clone()).unwrap_or_default(),
        path: node.and_then(|node| node.path.as_ref().map(|path| format!("project/{path}"))),
        facts: facts(&reading, &id, model),
        state: if node::working(web).contains(&id) {
            Some("running".to_owned())
        } else {
            last.map(|run| run.status.clone())
        },
        last_us: last.and_then(|run| run.started_us),
        squares: squares(runs.get(..runs.len().min(format::SQUARES)).unwrap_or_default()),
        tabs: tabs(request, &reading, &id, model),
        tab: tab.to_owned(),
        runs_by_hand: id.kind() != NodeKind::Source,
        columns: reading.schemas.get(&id).map(engine_run::history::columns).unwrap_or_default(),
        not_run: not_run(model, &checks),
        checks,
        data: (tab == "data").then(|| runtime.block_on(data::of(&reading, &id, &mask))),
        code: if tab == "sql" { code::of(&reading, &id, &mask) } else { None },
        lineage: if tab == "lineage" { Some(lineage::of(web, &reading, &id)) } else { None },
        differs: snapshot.iter().flatten().any(|(sign, _)| *sign != ' '),
        snapshot,
        runs: runs.into_iter().map(|run| NodeRun { note: run.note.map(|note| mask.text(&note)), ..run }).collect(),
    })
}

/// Checks that are declared and have not run.
fn not_run(model: Option<&Model>, checks: &[CheckRecord]) -> Vec<String> {
    let declared = model.iter().flat_map(|model| &model.config.checks).map(|check| check::name(&check.rule));
    declared.filter(|name| checks.iter().all(|check| check.name != *name)).collect()
}

/// The parts that there are.
fn tabs(
    request: &RequestContext,
    reading: &Reading,
    id: &NodeId,
    model: Option<&Model>,
) -> Vec<(&'static str, &'static str)> {
    let data = location::of(&reading.project, id).is_some() || model.is_some();
    let code = model.is_some() || id.kind() == NodeKind::Test;
    let snapshot = engine_run::test::snapshot::path(&request.web.root, &id.name()).is_file() && model.is_some();
    let there = |tab: &str| match tab {
        "data" => data,
        "sql" => code,
        "snapshot" => snapshot,
        _ => true,
    };
    TABS.into_iter().filter(|(tab, _)| there(tab)).collect()
}

/// What is worth knowing, in a few words each.
fn facts(reading: &Reading, id: &NodeId, model: Option<&Model>) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(model) = model {
        facts.push(("materialized", model.config.materialized.word().to_owned()));
        if !model.config.key.is_empty() {
            let key: Vec<String> = model.config.key.iter().map(|column| column.value.clone()).collect();
            facts.push(("key", key.join(", ")));
        }
    }
    if let Some(place) = location::of(&reading.project, id) {
        facts.push(("table", place.to_string()));
    }
    facts
}
