//! `/models`: all nodes with their last runs.

use crate::web::{layout::Layout, request::RequestContext, response, view::node};
use axum::{extract::Query, response::Response};

page!(Page, "models.html", node::Nodes);

/// Shows them.
pub async fn models(request: RequestContext, Query(filter): Query<node::Filter>) -> Response {
    response::show(request, move |request| {
        Ok(Page { layout: Layout::new(request, "Models"), view: node::nodes(&request.web, &filter)? })
    })
    .await
}
