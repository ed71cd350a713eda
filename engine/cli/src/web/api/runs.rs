//! Runs and jobs.

use super::body;
use crate::web::{
    http_error::HttpError,
    request::RequestContext,
    response,
    view::{
        job::{self, JobId, RunId, RunRequest},
        run,
    },
};
use axum::{
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use engine_run::{options::RunOptions, schedule::record::JobRequest, service::Trigger};
use serde::Deserialize;

/// Runs, newest first.
pub async fn runs(request: RequestContext, Query(filter): Query<run::Filter>) -> Response {
    let all = request.blocking(move |request| run::runs(&request.web, &filter));
    response::json_or_error(&request, StatusCode::OK, all.await)
}

/// Runs nodes or a schedule.
pub async fn trigger(request: RequestContext, bytes: Bytes) -> Response {
    let done = request.blocking(move |request| {
        let RunRequest { schedule, select, vars, full_refresh } = body(&bytes)?;
        let said = schedule.clone().unwrap_or_else(|| select.join(" "));
        let options = RunOptions { full_refresh, ..RunOptions::default() };
        let job = JobRequest { select, vars, options, retry_of: None };
        let asked_by = request.identity.named();
        let job = request.web.service.trigger(Trigger { schedule, request: job, asked_by })?;
        request.audit("ran", &said)?;
        Ok(JobId { job })
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// One run with its nodes.
pub async fn run(request: RequestContext, Path(id): Path<String>) -> Response {
    let one = request.blocking(move |request| run::run(&request.web, &id));
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
    let lines = request.blocking(move |request| run::log(&request.web, &id, after.after));
    response::json_or_error(&request, StatusCode::OK, lines.await)
}

/// Runs again what a run did not finish.
pub async fn retry(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = run::find(&request.web, &id)?;
        let job = request.web.service.retry(&run.id, &request.identity.named())?;
        request.audit("retried", &run.id)?;
        Ok(JobId { job })
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// Cancels a run.
pub async fn cancel(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = run::find(&request.web, &id)?;
        request.web.service.cancel(&run.id, &request.identity.named())?;
        request.audit("cancelled", &run.id)?;
        Ok(RunId { run: run.id })
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}

/// A run that is wanted, and what became of it.
pub async fn job(request: RequestContext, Path(id): Path<i64>) -> Response {
    let one = request.blocking(move |request| job::job(&request.web, id));
    response::json_or_error(&request, StatusCode::OK, one.await)
}

/// Takes back a run that waits.
pub async fn cancel_job(request: RequestContext, Path(id): Path<i64>) -> Response {
    let done = request.blocking(move |request| {
        if request.web.service.unwant(Some(id), None, &request.identity.named())? == 0 {
            return Err(HttpError::conflict("it does not wait"));
        }
        request.audit("took back", &format!("job {id}"))?;
        Ok(JobId { job: id })
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}
