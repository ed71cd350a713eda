//! `/runs`: what is at work, what waits, what was done; and running nodes by hand.

use crate::web::{
    form::{Fields, variables},
    layout::Layout,
    request::RequestContext,
    response,
    view::run,
};
use axum::{extract::Query, response::Response};
use engine_run::{options::RunOptions, schedule::record::JobRequest, service::Trigger};

page!(Page, "runs.html", run::Runs);

/// Shows them.
pub async fn runs(request: RequestContext, Query(filter): Query<run::Filter>) -> Response {
    response::show(request, move |request| {
        Ok(Page { layout: Layout::new(request, "Runs"), view: run::runs(&request.web, &filter)? })
    })
    .await
}

/// Runs nodes by hand.
pub async fn trigger(request: RequestContext, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let select: Vec<String> = fields.text("select").split_whitespace().map(str::to_owned).collect();
        let job = JobRequest {
            vars: variables(fields.raw("vars"))?,
            options: RunOptions { full_refresh: fields.ticked("full_refresh"), ..RunOptions::default() },
            select,
            retry_of: None,
        };
        let said = if job.select.is_empty() { "everything".to_owned() } else { job.select.join(" ") };
        let asked_by = request.identity.named();
        request.web.service.trigger(Trigger { schedule: None, request: job, asked_by })?;
        request.audit("ran", &said)?;
        Ok(fields.next("/runs"))
    });
    response::redirect_or_error(&request, done.await)
}
