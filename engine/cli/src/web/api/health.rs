//! `/healthz`, `/readyz`, `/metrics`.

use crate::web::{answer, metrics as numbers, visit::Visit};
use axum::{http::StatusCode, response::Response};

/// The process answers.
pub async fn healthz() -> Response {
    answer::text("text/plain; charset=utf-8", "ok\n".to_owned(), None)
}

/// The records can be read, and the service is not ending. A project that is broken on disk is told: the last good one
/// runs on.
pub async fn readyz(visit: Visit) -> Response {
    let ready = visit.does(|visit| Ok(visit.web.records.version().is_ok() && !visit.web.closing.is_cancelled()));
    let (status, said) = match (ready.await.unwrap_or(false), visit.web.service.broken()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        (true, None) => (StatusCode::OK, "ok"),
        (true, Some(_)) => (StatusCode::OK, "ok; the project on disk has errors, the last good one runs on"),
    };
    let mut response = answer::text("text/plain; charset=utf-8", format!("{said}\n"), None);
    *response.status_mut() = status;
    response
}

/// Numbers for Prometheus.
pub async fn metrics(visit: Visit) -> Response {
    let text = visit.does(|visit| Ok(numbers::render(&visit.web.service, &visit.web.metrics))).await;
    match text {
        Ok(text) => answer::text("text/plain; version=0.0.4; charset=utf-8", text, None),
        Err(trouble) => answer::trouble(&visit, &trouble),
    }
}
