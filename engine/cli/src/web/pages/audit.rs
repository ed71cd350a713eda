//! `/audit`: who did what.

use crate::web::{layout::Layout, request::RequestContext, response, view::audit};
use axum::{extract::Query, response::Response};
use serde::Deserialize;

page!(Page, "audit.html", audit::Audit);

/// Older than which.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<i64>,
}

/// Shows it.
pub async fn audit(request: RequestContext, Query(before): Query<Before>) -> Response {
    response::show(request, move |request| {
        Ok(Page { layout: Layout::new(request, "Audit"), view: audit::audit(&request.web, before.before)? })
    })
    .await
}
