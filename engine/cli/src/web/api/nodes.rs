//! Nodes and checks.

use crate::{
    commands::ls,
    web::{answer, nodes, trouble::Trouble, visit::Visit},
};
use axum::{extract::Path, http::StatusCode, response::Response};
use engine_run::history::{checks::CheckRecord, lists::NodeRun};
use serde_json::{Value, json};

/// All nodes, each after what it reads.
pub async fn nodes(visit: Visit) -> Response {
    let all = visit.does(|visit| {
        let reading = visit.web.service.reading();
        let project = &reading.project;
        let mut all = vec![];
        for id in project.graph.order() {
            let mut value = ls::described(project, &project.graph.nodes[&id]);
            value["last_run"] = last(visit, &id.to_string())?;
            all.push(value);
        }
        Ok(json!({ "nodes": all }))
    });
    answer::api(&visit, StatusCode::OK, all.await)
}

fn last(visit: &Visit, id: &str) -> Result<Value, Trouble> {
    let run = visit.web.records.last_of_node(id)?;
    Ok(run.map_or(
        Value::Null,
        |run| json!({ "run": run.run, "status": run.status, "rows": run.rows, "took_us": run.took_us }),
    ))
}

/// One node with its last runs.
pub async fn node(visit: Visit, Path(name): Path<String>) -> Response {
    let one = visit.does(move |visit| {
        let reading = visit.web.service.reading();
        let project = &reading.project;
        let unknown = || Trouble::unknown(format!("there is nothing called `{name}` in the project"));
        let id = nodes::find(project, &name).ok_or_else(unknown)?;
        let mask = reading.mask.clone();
        let runs = visit.web.records.runs_of_node(&id.to_string(), 50)?;
        let runs: Vec<NodeRun> =
            runs.into_iter().map(|run| NodeRun { note: run.note.map(|note| mask.text(&note)), ..run }).collect();
        let mut value = ls::described(project, &project.graph.nodes[&id]);
        value["runs"] = serde_json::to_value(runs).unwrap_or_default();
        Ok(value)
    });
    answer::api(&visit, StatusCode::OK, one.await)
}

/// How each check went the last time.
pub async fn checks(visit: Visit) -> Response {
    let all = visit.does(|visit| {
        let reading = visit.web.service.reading();
        let (project, mask) = (&reading.project, &reading.mask);
        let checks = visit.web.records.checks(project.target.as_str(), None)?;
        let masked = |check: CheckRecord| CheckRecord { examples: mask.text(&check.examples), ..check };
        Ok(json!({ "checks": checks.into_iter().map(masked).collect::<Vec<_>>() }))
    });
    answer::api(&visit, StatusCode::OK, all.await)
}
