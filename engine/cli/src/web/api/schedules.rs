//! Schedules.

use super::body;
use crate::web::{
    answer,
    pages::schedules::{Coming, time},
    visit::Visit,
};
use axum::{body::Bytes, extract::Path, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::json;

/// All schedules with their next times.
pub async fn schedules(visit: Visit) -> Response {
    let all = visit.does(|visit| Ok(json!({ "schedules": Coming::all(&visit.web, 5)? })));
    answer::api(&visit, StatusCode::OK, all.await)
}

/// Pauses one.
pub async fn pause(visit: Visit, Path(name): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        let changed = visit.web.service.pause(&name, &visit.who.named())?;
        visit.note("paused", &name)?;
        Ok(json!({ "schedule": name, "paused": true, "changed": changed }))
    });
    answer::api(&visit, StatusCode::OK, done.await)
}

/// Lets one go on.
pub async fn resume(visit: Visit, Path(name): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        let changed = visit.web.service.resume(&name)?;
        visit.note("resumed", &name)?;
        Ok(json!({ "schedule": name, "paused": false, "changed": changed }))
    });
    answer::api(&visit, StatusCode::OK, done.await)
}

/// Between which times.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Range {
    from: String,
    to: String,
}

/// Runs intervals of the past.
pub async fn backfill(visit: Visit, Path(name): Path<String>, bytes: Bytes) -> Response {
    let done = visit.does(move |visit| {
        let range: Range = body(&bytes)?;
        let (from, to) = (time(&range.from)?, time(&range.to)?);
        let (backfill, intervals) = visit.web.service.backfill(&name, from, to, &visit.who.named())?;
        visit.note("backfilled", &format!("{name}, {intervals} intervals"))?;
        Ok(json!({ "backfill": backfill, "intervals": intervals }))
    });
    answer::api(&visit, StatusCode::ACCEPTED, done.await)
}
