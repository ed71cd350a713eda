//! `/audit`: who did what.

use crate::web::{layout::Layout, request::RequestContext, response};
use askama::Template;
use axum::{extract::Query, response::Response};
use engine_run::history::audit::Deed;
use serde::{Deserialize, Serialize};

/// Deeds of a page.
const DEEDS: u32 = 100;

#[derive(Template, Serialize)]
#[template(path = "audit.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    deeds: Vec<Deed>,
    older: Option<i64>,
}

/// Older than which.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    before: Option<i64>,
}

/// Shows it.
pub async fn audit(request: RequestContext, Query(before): Query<Before>) -> Response {
    response::show(request, move |request| {
        let deeds = request.web.records.deeds(before.before.unwrap_or(i64::MAX), DEEDS)?;
        let older = deeds.last().filter(|_| deeds.len() == DEEDS as usize).map(|deed| deed.id);
        Ok(Page { layout: Layout::new(request, "Audit"), now_us: request.web.service.now_us(), deeds, older })
    })
    .await
}
