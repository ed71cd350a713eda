//! Schedules.

use super::body;
use crate::web::{
    pages::schedules::{Coming, time},
    request::RequestContext,
    response,
};
use axum::{body::Bytes, extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::json;

/// All schedules with their next times.
pub async fn schedules(request: RequestContext) -> Response {
    let all = request.blocking(|request| Ok(json!({ "schedules": Coming::all(&request.web, 5)? })));
    response::json_or_error(&request, StatusCode::OK, all.await)
}

/// Pauses one.
pub async fn pause(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let changed = request.web.service.pause(&name, &request.identity.named())?;
        request.audit("paused", &name)?;
        Ok(json!({ "schedule": name, "paused": true, "changed": changed }))
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}

/// Lets one go on.
pub async fn resume(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let changed = request.web.service.resume(&name)?;
        request.audit("resumed", &name)?;
        Ok(json!({ "schedule": name, "paused": false, "changed": changed }))
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}

/// Between which times.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Range {
    from: String,
    to: String,
}

/// Runs intervals of the past.
pub async fn backfill(request: RequestContext, Path(name): Path<String>, bytes: Bytes) -> Response {
    let done = request.blocking(move |request| {
        let range: Range = body(&bytes)?;
        let (from, to) = (time(&range.from)?, time(&range.to)?);
        let (backfill, intervals) = request.web.service.backfill(&name, from, to, &request.identity.named())?;
        request.audit("backfilled", &format!("{name}, {intervals} intervals"))?;
        Ok(json!({ "backfill": backfill, "intervals": intervals }))
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}
