//! `/graph`: what depends on what, as a picture and as a list; and to keep.

use crate::{
    graph::Subgraph,
    graph::svg,
    web::{
        http_error::HttpError,
        layout::Layout,
        request::RequestContext,
        response,
        view::{node, picture::states},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use engine_language::{graph::NodeId, select::select};
use engine_run::service::Reading;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Template, Serialize)]
#[template(path = "graph.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    selection: String,
    error: Option<String>,
    nodes: Vec<Row>,
    #[serde(skip)]
    picture: String,
}

/// A node and what it reads.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    url: String,
    anchor: String,
    state: String,
    reads: Vec<String>,
}

/// Which nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    select: String,
}

/// Shows it.
pub async fn graph(request: RequestContext, Query(selection): Query<Selection>) -> Response {
    response::show(request, move |request| Ok(page(request, selection.select.trim()))).await
}

fn selected(reading: &Reading, selection: &str) -> Result<BTreeSet<NodeId>, String> {
    let include: Vec<&str> = Some(selection).filter(|text| !text.is_empty()).into_iter().collect();
    select(&reading.project, &include, &[]).map_err(|problem| problem.message)
}

fn page(request: &RequestContext, selection: &str) -> Page {
    let web = &request.web;
    let reading = web.service.reading();
    let (nodes, error) = match selected(&reading, selection) {
        Ok(nodes) => (nodes, None),
        Err(error) => (BTreeSet::new(), Some(error)),
    };
    let states = states(web, &nodes);
    let drawn = Subgraph { project: &reading.project, selected: &nodes };
    let row = |id: &NodeId| Row {
        name: id.name().into_owned(),
        kind: id.kind().word(),
        url: node::url(&reading.project, id),
        anchor: format!("n-{id}").replacen('.', "-", 1),
        state: states.get(id).cloned().unwrap_or_else(|| "never".to_owned()),
        reads: drawn.reads(id).iter().map(|id| id.name().into_owned()).collect(),
    };
    Page {
        layout: Layout::new(request, "Graph"),
        selection: selection.to_owned(),
        error,
        nodes: drawn.nodes().iter().map(row).collect(),
        picture: if nodes.is_empty() { String::new() } else { web.pictures.picture(&reading, &nodes, &states) },
    }
}

/// The graph in a form to keep.
pub async fn file(request: RequestContext, Path(file): Path<String>, Query(selection): Query<Selection>) -> Response {
    let made = request.blocking(move |request| {
        let reading = request.web.service.reading();
        let nodes = selected(&reading, selection.select.trim()).map_err(HttpError::bad_request)?;
        let drawn = Subgraph { project: &reading.project, selected: &nodes };
        Ok(match file.as_str() {
            "graph.svg" => response::text("image/svg+xml", svg::svg(&drawn), Some("graph.svg")),
            "graph.dot" => response::text("text/vnd.graphviz", drawn.dot(), Some("graph.dot")),
            "graph.mmd" => response::text("text/plain; charset=utf-8", drawn.mermaid(), Some("graph.mmd")),
            _ => return Err(HttpError::not_found("there are graph.svg, graph.dot and graph.mmd")),
        })
    });
    made.await.unwrap_or_else(|error| response::error(&request, &error))
}
