//! Runs and jobs.

use super::body;
use crate::web::{
    http_error::HttpError,
    pages::{run::find, runs::Filter},
    request::RequestContext,
    response,
};
use axum::{
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use engine_run::{
    history::{LogLine, lists::NodeRun},
    options::RunOptions,
    schedule::record::JobRequest,
    service::Trigger,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs, newest first.
pub async fn runs(request: RequestContext, Query(filter): Query<Filter>) -> Response {
    let all = request.blocking(move |request| {
        let runs = request.web.records.run_rows(&filter.of(), filter.limit())?;
        Ok(json!({ "runs": runs }))
    });
    response::json_or_error(&request, StatusCode::OK, all.await)
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
pub async fn trigger(request: RequestContext, bytes: Bytes) -> Response {
    let done = request.blocking(move |request| {
        let asked: Asked = body(&bytes)?;
        let Asked { schedule, select, vars, full_refresh } = asked;
        let said = schedule.clone().unwrap_or_else(|| select.join(" "));
        let options = RunOptions { full_refresh, ..RunOptions::default() };
        let job = JobRequest { select, vars, options, retry_of: None };
        let asked_by = request.identity.named();
        let job = request.web.service.trigger(Trigger { schedule, request: job, asked_by })?;
        request.audit("ran", &said)?;
        Ok(json!({ "job": job }))
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// One run with its nodes.
pub async fn run(request: RequestContext, Path(id): Path<String>) -> Response {
    let one = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        let mask = request.web.service.reading().mask.clone();
        let nodes = request.web.records.node_runs(&run.id)?.into_iter();
        let nodes: Vec<NodeRun> =
            nodes.map(|node| NodeRun { note: node.note.map(|note| mask.text(&note)), ..node }).collect();
        Ok(json!({ "run": run, "nodes": nodes }))
    });
    response::json_or_error(&request, StatusCode::OK, one.await)
}

/// From which line on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: i64,
}

/// The log of a run, after a line.
pub async fn log(request: RequestContext, Path(id): Path<String>, Query(after): Query<After>) -> Response {
    let lines = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        let mask = request.web.service.reading().mask.clone();
        let lines = request.web.records.log_after(&run.id, after.after, 1000)?;
        let line = |(number, line): (i64, LogLine)| {
            json!({
                "number": number, "at_us": line.at_us, "level": line.level, "node": line.node,
                "message": mask.text(&line.message),
            })
        };
        Ok(json!({ "log": lines.into_iter().map(line).collect::<Vec<Value>>() }))
    });
    response::json_or_error(&request, StatusCode::OK, lines.await)
}

/// Runs again what a run did not finish.
pub async fn retry(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        let job = request.web.service.retry(&run.id, &request.identity.named())?;
        request.audit("retried", &run.id)?;
        Ok(json!({ "job": job }))
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// Cancels a run.
pub async fn cancel(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = find(&request.web, &id)?;
        request.web.service.cancel(&run.id, &request.identity.named())?;
        request.audit("cancelled", &run.id)?;
        Ok(json!({ "run": run.id }))
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// A run that is wanted, and what became of it.
pub async fn job(request: RequestContext, Path(id): Path<i64>) -> Response {
    let one = request.blocking(move |request| {
        let job = request.web.records.job(id)?.ok_or_else(|| HttpError::not_found("there is no such job"))?;
        let mask = request.web.service.reading().mask.clone();
        let mut value = serde_json::to_value(&job).unwrap_or_default();
        value["said"] = json!(job.reason.map(|reason| mask.text(&reason)));
        Ok(value)
    });
    response::json_or_error(&request, StatusCode::OK, one.await)
}

/// Takes back a run that waits.
pub async fn cancel_job(request: RequestContext, Path(id): Path<i64>) -> Response {
    let done = request.blocking(move |request| {
        if request.web.service.unwant(Some(id), None, &request.identity.named())? == 0 {
            return Err(HttpError::conflict("it does not wait"));
        }
        request.audit("took back", &format!("job {id}"))?;
        Ok(json!({ "job": id }))
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}
