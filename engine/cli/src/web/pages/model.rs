//! `/models/NAME`: one node: what it is, its rows, its SQL, what it reads and who reads it, its runs, its snapshot.

use crate::web::{layout::Layout, request::RequestContext, response, view::model};
use axum::{
    extract::{Path, Query},
    response::Response,
};
use serde::Deserialize;
use tokio::runtime::Handle;

page!(Page, "model.html", model::Node);

/// Which part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tab {
    tab: String,
}

/// Shows it.
pub async fn model(request: RequestContext, Path(name): Path<String>, Query(tab): Query<Tab>) -> Response {
    let runtime = Handle::current();
    response::show(request, move |request| {
        let view = model::model(&request.web, &name, &tab.tab, &runtime)?;
        Ok(Page { layout: Layout::new(request, &view.name), view })
    })
    .await
}
