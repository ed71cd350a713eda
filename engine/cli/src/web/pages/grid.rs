//! `/grid`: runs by nodes.

use crate::web::{layout::Layout, request::RequestContext, response, view::grid};
use axum::{extract::Query, response::Response};
use serde::Deserialize;

page!(Page, "grid.html", grid::Grid);

/// Of which schedule.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Of {
    schedule: String,
}

/// Shows it.
pub async fn grid(request: RequestContext, Query(of): Query<Of>) -> Response {
    response::show(request, move |request| {
        Ok(Page { layout: Layout::new(request, "Grid"), view: grid::grid(&request.web, &of.schedule)? })
    })
    .await
}
