//! Schedules.

use super::body;
use crate::web::{
    request::RequestContext,
    response,
    view::schedule::{self, Backfilled, Paused, Range},
};
use axum::{body::Bytes, extract::Path, http::StatusCode, response::Response};

/// All schedules with their next times.
pub async fn schedules(request: RequestContext) -> Response {
    let all = request.blocking(|request| schedule::schedules(&request.web));
    response::json_or_error(&request, StatusCode::OK, all.await)
}

/// Pauses one.
pub async fn pause(request: RequestContext, Path(schedule): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let changed = request.web.service.pause(&schedule, &request.identity.named())?;
        request.audit("paused", &schedule)?;
        Ok(Paused { schedule, paused: true, changed })
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}

/// Lets one go on.
pub async fn resume(request: RequestContext, Path(schedule): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let changed = request.web.service.resume(&schedule)?;
        request.audit("resumed", &schedule)?;
        Ok(Paused { schedule, paused: false, changed })
    });
    response::json_or_error(&request, StatusCode::OK, done.await)
}

/// Runs intervals of the past.
pub async fn backfill(request: RequestContext, Path(name): Path<String>, bytes: Bytes) -> Response {
    let done = request.blocking(move |request| {
        let (from, to) = body::<Range>(&bytes)?.times()?;
        let (backfill, intervals) = request.web.service.backfill(&name, from, to, &request.identity.named())?;
        request.audit("backfilled", &format!("{name}, {intervals} intervals"))?;
        Ok(Backfilled { backfill, intervals })
    });
    response::json_or_error(&request, StatusCode::ACCEPTED, done.await)
}
