//! Nodes and checks.

use crate::web::{
    request::RequestContext,
    response,
    view::{check, model, node},
};
use axum::{
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use tokio::runtime::Handle;

/// All nodes.
pub async fn nodes(request: RequestContext, Query(filter): Query<node::Filter>) -> Response {
    let all = request.blocking(move |request| node::nodes(&request.web, &filter));
    response::json_or_error(&request, StatusCode::OK, all.await)
}

/// One node with its last runs.
pub async fn node(request: RequestContext, Path(name): Path<String>) -> Response {
    let runtime = Handle::current();
    let one = request.blocking(move |request| model::model(&request.web, &name, "overview", &runtime));
    response::json_or_error(&request, StatusCode::OK, one.await)
}

/// How each check went the last time.
pub async fn checks(request: RequestContext) -> Response {
    let runtime = Handle::current();
    let all = request.blocking(move |request| check::checks(&request.web, &runtime));
    response::json_or_error(&request, StatusCode::OK, all.await)
}
