//! Runs and jobs.

use super::body;
use crate::web::{
    answer,
    pages::{run::find, runs::Filter},
    trouble::Trouble,
    visit::Visit,
};
use axum::{
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use engine_run::{
    history::{LogLine, jobs::Wanted, lists::NodeRun},
    service::Trigger,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs, newest first.
pub async fn runs(visit: Visit, Query(filter): Query<Filter>) -> Response {
    let all = visit.does(move |visit| {
        let runs = visit.web.records.run_rows(&filter.of(), filter.limit())?;
        Ok(json!({ "runs": runs }))
    });
    answer::api(&visit, StatusCode::OK, all.await)
}

/// What is to be run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    schedule: Option<String>,
    select: Vec<String>,
    vars: BTreeMap<String, String>,
    full_refresh: bool,
}

/// Runs nodes or a schedule.
pub async fn trigger(visit: Visit, bytes: Bytes) -> Response {
    let done = visit.does(move |visit| {
        let asked: Asked = body(&bytes)?;
        let Asked { schedule, select, vars, full_refresh } = asked;
        let said = schedule.clone().unwrap_or_else(|| select.join(" "));
        let wanted = Wanted { select, vars, full_refresh, retry_of: None };
        let job = visit.web.service.trigger(Trigger { schedule, wanted, asked_by: visit.who.named() })?;
        visit.note("ran", &said)?;
        Ok(json!({ "job": job }))
    });
    answer::api(&visit, StatusCode::ACCEPTED, done.await)
}

/// One run with its nodes.
pub async fn run(visit: Visit, Path(id): Path<String>) -> Response {
    let one = visit.does(move |visit| {
        let run = find(&visit.web, &id)?;
        let mask = visit.web.service.reading().mask.clone();
        let nodes = visit.web.records.node_runs(&run.id)?.into_iter();
        let nodes: Vec<NodeRun> =
            nodes.map(|node| NodeRun { note: node.note.map(|note| mask.text(&note)), ..node }).collect();
        Ok(json!({ "run": run, "nodes": nodes }))
    });
    answer::api(&visit, StatusCode::OK, one.await)
}

/// From which line on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: i64,
}

/// The log of a run, after a line.
pub async fn log(visit: Visit, Path(id): Path<String>, Query(after): Query<After>) -> Response {
    let lines = visit.does(move |visit| {
        let run = find(&visit.web, &id)?;
        let mask = visit.web.service.reading().mask.clone();
        let lines = visit.web.records.log_after(&run.id, after.after, 1000)?;
        let line = |(number, line): (i64, LogLine)| {
            json!({
                "number": number, "at_us": line.at_us, "level": line.level, "node": line.node,
                "message": mask.text(&line.message),
            })
        };
        Ok(json!({ "log": lines.into_iter().map(line).collect::<Vec<Value>>() }))
    });
    answer::api(&visit, StatusCode::OK, lines.await)
}

/// Runs again what a run did not finish.
pub async fn retry(visit: Visit, Path(id): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        let run = find(&visit.web, &id)?;
        let job = visit.web.service.retry(&run.id, &visit.who.named())?;
        visit.note("retried", &run.id)?;
        Ok(json!({ "job": job }))
    });
    answer::api(&visit, StatusCode::ACCEPTED, done.await)
}

/// Cancels a run.
pub async fn cancel(visit: Visit, Path(id): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        let run = find(&visit.web, &id)?;
        visit.web.service.cancel(&run.id, &visit.who.named())?;
        visit.note("cancelled", &run.id)?;
        Ok(json!({ "run": run.id }))
    });
    answer::api(&visit, StatusCode::ACCEPTED, done.await)
}

/// A run that is wanted, and what became of it.
pub async fn job(visit: Visit, Path(id): Path<i64>) -> Response {
    let one = visit.does(move |visit| {
        let job = visit.web.records.job(id)?.ok_or_else(|| Trouble::unknown("there is no such job"))?;
        let mask = visit.web.service.reading().mask.clone();
        let mut value = serde_json::to_value(&job).unwrap_or_default();
        value["said"] = json!(job.said.map(|said| mask.text(&said)));
        Ok(value)
    });
    answer::api(&visit, StatusCode::OK, one.await)
}

/// Takes back a run that waits.
pub async fn cancel_job(visit: Visit, Path(id): Path<i64>) -> Response {
    let done = visit.does(move |visit| {
        if visit.web.service.unwant(Some(id), None, &visit.who.named())? == 0 {
            return Err(Trouble::conflict("it does not wait"));
        }
        visit.note("took back", &format!("job {id}"))?;
        Ok(json!({ "job": id }))
    });
    answer::api(&visit, StatusCode::OK, done.await)
}
