//! `/`: what is failing now, what runs and ran, what is next, how fresh it is, and two weeks at a glance.

use crate::web::{layout::Layout, request::RequestContext, response, view::home};
use axum::response::Response;

page!(Page, "home.html", home::Home);

/// Shows it.
pub async fn home(request: RequestContext) -> Response {
    response::show(request, |request| {
        Ok(Page { layout: Layout::new(request, "Home"), view: home::home(&request.web)? })
    })
    .await
}
