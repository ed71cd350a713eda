//! `/graph`: what depends on what, as a picture and as a list; and to keep.

use crate::{
    graph::{Subgraph, svg},
    web::{http_error::HttpError, layout::Layout, request::RequestContext, response, view::graph},
};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use serde::Deserialize;

page!(Page, "graph.html", graph::Graph);

/// Which nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Selection {
    select: String,
}

/// Shows it.
pub async fn graph(request: RequestContext, Query(selection): Query<Selection>) -> Response {
    response::show(request, move |request| {
        let view = graph::graph(&request.web, selection.select.trim());
        Ok(Page { layout: Layout::new(request, "Graph"), view })
    })
    .await
}

/// The graph in a form to keep.
pub async fn file(request: RequestContext, Path(file): Path<String>, Query(selection): Query<Selection>) -> Response {
    let made = request.blocking(move |request| {
        let reading = request.web.service.reading();
        let nodes = graph::selected(&reading, selection.select.trim()).map_err(HttpError::bad_request)?;
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
