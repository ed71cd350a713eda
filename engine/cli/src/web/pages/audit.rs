//! `/audit`: who did what.

use crate::web::{shell::Shell, visit::Visit};
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
    shell: Shell,
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
pub async fn audit(visit: Visit, Query(before): Query<Before>) -> Response {
    visit
        .show(move |visit| {
            let deeds = visit.web.records.deeds(before.before.unwrap_or(i64::MAX), DEEDS)?;
            let older = deeds.last().filter(|_| deeds.len() == DEEDS as usize).map(|deed| deed.id);
            Ok(Page { shell: visit.shell("Audit"), now_us: visit.web.service.now_us(), deeds, older })
        })
        .await
}
