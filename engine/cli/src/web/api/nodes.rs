//! Nodes and checks.

use crate::{
    graph::node::described,
    web::{http_error::HttpError, request::RequestContext, response, view::node},
};
use axum::{extract::Path, http::StatusCode, response::Response};
use engine_run::history::{checks::CheckRecord, lists::NodeRun};
use serde_json::{Value, json};

/// All nodes, each after what it reads.
pub async fn nodes(request: RequestContext) -> Response {
    let all = request.blocking(|request| {
        let reading = request.web.service.reading();
        let project = &reading.project;
        let mut all = vec![];
        for id in project.graph.order() {
            let mut value = described(project, &project.graph.nodes[&id]);
            value["last_run"] = last(request, &id.to_string())?;
            all.push(value);
        }
        Ok(json!({ "nodes": all }))
    });
    response::json_or_error(&request, StatusCode::OK, all.await)
}

fn last(request: &RequestContext, id: &str) -> Result<Value, HttpError> {
    let run = request.web.records.last_of_node(id)?;
    Ok(run.map_or(
        Value::Null,
        |run| json!({ "run": run.run, "status": run.status, "rows": run.rows, "took_us": run.took_us }),
    ))
}

/// One node with its last runs.
pub async fn node(request: RequestContext, Path(name): Path<String>) -> Response {
    let one = request.blocking(move |request| {
        let reading = request.web.service.reading();
        let project = &reading.project;
        let unknown = || HttpError::not_found(format!("there is nothing called `{name}` in the project"));
        let id = node::find(project, &name).ok_or_else(unknown)?;
        let mask = reading.mask.clone();
        let runs = request.web.records.runs_of_node(&id.to_string(), 50)?;
        let runs: Vec<NodeRun> =
            runs.into_iter().map(|run| NodeRun { note: run.note.map(|note| mask.text(&note)), ..run }).collect();
        let mut value = described(project, &project.graph.nodes[&id]);
        value["runs"] = serde_json::to_value(runs).unwrap_or_default();
        Ok(value)
    });
    response::json_or_error(&request, StatusCode::OK, one.await)
}

/// How each check went the last time.
pub async fn checks(request: RequestContext) -> Response {
    let all = request.blocking(|request| {
        let reading = request.web.service.reading();
        let (project, mask) = (&reading.project, &reading.mask);
        let checks = request.web.records.checks(project.target.as_str(), None)?;
        let masked = |check: CheckRecord| CheckRecord { examples: mask.text(&check.examples), ..check };
        Ok(json!({ "checks": checks.into_iter().map(masked).collect::<Vec<_>>() }))
    });
    response::json_or_error(&request, StatusCode::OK, all.await)
}
