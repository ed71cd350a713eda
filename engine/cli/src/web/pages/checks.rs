//! `/checks`: what must hold and whether it does, and rows that were rejected.

use crate::web::{layout::Layout, request::RequestContext, response, view::check};
use axum::response::Response;
use tokio::runtime::Handle;

page!(Page, "checks.html", check::Checks);

/// Shows them.
pub async fn checks(request: RequestContext) -> Response {
    let runtime = Handle::current();
    response::show(request, move |request| {
        Ok(Page { layout: Layout::new(request, "Checks"), view: check::checks(&request.web, &runtime)? })
    })
    .await
}
