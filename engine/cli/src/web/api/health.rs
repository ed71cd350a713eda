//! `/healthz`, `/readyz`, `/metrics`.

use crate::{
    telemetry::metrics as numbers,
    web::{request::RequestContext, response},
};
use axum::{http::StatusCode, response::Response};

/// The process answers.
pub async fn healthz() -> Response {
    response::text("text/plain; charset=utf-8", "ok\n".to_owned(), None)
}

/// The records can be read and written, so that schedules go on, and the service is not ending. A project that is broken on
/// disk is told: the last good one runs on.
pub async fn readyz(request: RequestContext) -> Response {
    let ready =
        request.blocking(|request| Ok(request.web.records.version().is_ok() && !request.web.closing.is_cancelled()));
    let service = &request.web.service;
    let (status, said) = match (ready.await.unwrap_or(false), service.trouble(), service.broken()) {
        (false, ..) => (StatusCode::SERVICE_UNAVAILABLE, "not ready".to_owned()),
        (true, Some(trouble), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {trouble}")),
        (true, None, None) => (StatusCode::OK, "ok".to_owned()),
        (true, None, Some(_)) => {
            (StatusCode::OK, "ok; the project on disk has errors, the last good one runs on".to_owned())
        }
    };
    let mut response = response::text("text/plain; charset=utf-8", format!("{said}\n"), None);
    *response.status_mut() = status;
    response
}

/// Numbers for Prometheus.
pub async fn metrics(request: RequestContext) -> Response {
    let text = request.blocking(|request| Ok(numbers::render(&request.web.service, &request.web.metrics))).await;
    match text {
        Ok(text) => response::text("text/plain; version=0.0.4; charset=utf-8", text, None),
        Err(error) => response::error(&request, &error),
    }
}
