//! `/models`: all nodes with their last runs.

use crate::web::{
    format::{self, Square},
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    view::node,
};
use askama::Template;
use axum::{extract::Query, response::Response};
use engine_language::graph::NodeKind;
use engine_run::history::lists::NodeRun;
use serde::{Deserialize, Serialize};

#[derive(Template, Serialize)]
#[template(path = "models.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    query: String,
    kind: String,
    kinds: Vec<&'static str>,
    nodes: Vec<Row>,
}

/// A node.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its kind, in one word.
    pub kind: &'static str,
    /// Where its page is.
    pub url: String,
    /// What it is, as far as somebody wrote that down.
    pub description: String,
    /// How it ended the last time.
    pub state: Option<String>,
    /// When that was.
    pub at_us: Option<i64>,
    /// How long it took.
    pub took_us: Option<i64>,
    /// Rows that it wrote.
    pub rows: Option<u64>,
    /// Its last runs.
    #[serde(skip)]
    pub squares: Vec<Square>,
}

/// Which nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    q: String,
    kind: String,
}

/// Shows them.
pub async fn models(request: RequestContext, Query(filter): Query<Filter>) -> Response {
    response::show(request, move |request| page(request, &filter)).await
}

fn page(request: &RequestContext, filter: &Filter) -> Result<Page, HttpError> {
    let web = &request.web;
    let query = filter.q.trim().to_lowercase();
    let mut rows = rows(request)?;
    rows.retain(|row| row.name.to_lowercase().contains(&query) && (filter.kind.is_empty() || row.kind == filter.kind));
    let kinds =
        [NodeKind::Model, NodeKind::Copy, NodeKind::Seed, NodeKind::Source, NodeKind::Generator, NodeKind::Test];
    Ok(Page {
        layout: Layout::new(request, "Models"),
        now_us: web.service.now_us(),
        query: filter.q.trim().to_owned(),
        kind: filter.kind.clone(),
        kinds: kinds.map(NodeKind::word).to_vec(),
        nodes: rows,
    })
}

/// All nodes, each after what it reads; models first.
pub fn rows(request: &RequestContext) -> Result<Vec<Row>, HttpError> {
    let reading = request.web.service.reading();
    let project = &reading.project;
    let working = node::working(&request.web);
    let mut rows = vec![];
    for id in project.graph.order() {
        let runs = request.web.records.runs_of_node(&id.to_string(), u32::try_from(format::SQUARES).unwrap_or(20))?;
        let model = project.model(&id);
        let last = runs.iter().find(|run| run.status != "skipped");
        rows.push(Row {
            name: id.name().into_owned(),
            kind: id.kind().word(),
            url: node::url(project, &id),
            description: model
                .and_then(|model| model.config.description.as_deref())
                .map(|text| reading.mask.text(text))
                .unwrap_or_default(),
            state: if working.contains(&id) { Some("running".to_owned()) } else { last.map(|run| run.status.clone()) },
            at_us: last.and_then(|run| run.started_us),
            took_us: last.map(|run| run.took_us),
            rows: runs.iter().find_map(|run| run.rows.filter(|_| run.status != "failed")),
            squares: squares(&runs),
        });
    }
    rows.sort_by_key(|row| row.kind != "model");
    Ok(rows)
}

/// Runs of a node as squares, oldest first.
pub fn squares(runs: &[NodeRun]) -> Vec<Square> {
    let square = |run: &NodeRun| Square {
        state: run.status.clone(),
        title: format!("{}, {}", run.status, format::took(run.took_us)),
        href: format!("/runs/{}", run.run),
    };
    runs.iter().rev().map(square).collect()
}
