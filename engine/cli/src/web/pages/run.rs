//! `/runs/ID`: one run, live: its nodes, when they were at work, and its log.

use super::gantt::{Bar, gantt};
use crate::web::{
    format,
    layout::Layout,
    request::RequestContext,
    response,
    view::run::{self, Line, Log, NodeResult},
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use serde::{Deserialize, Serialize};

page!(Page, "run.html", run::Run, gantt: String);

/// Lines of a log, for the script of an open page.
#[derive(Template, Serialize)]
#[template(path = "log.html")]
struct Lines {
    log: Vec<Line>,
    after: i64,
}

/// From which line on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: i64,
}

/// Shows it.
pub async fn run(request: RequestContext, Path(id): Path<String>) -> Response {
    response::show(request, move |request| {
        let view = run::run(&request.web, &id)?;
        let layout = Layout::new(request, &format!("Run {}", view.run.id));
        Ok(Page { layout, gantt: gantt(&bars(&view.nodes)), view })
    })
    .await
}

/// Lines after a number.
pub async fn log(request: RequestContext, Path(id): Path<String>, Query(after): Query<After>) -> Response {
    response::show(request, move |request| {
        let Log { log, after } = run::log(&request.web, &id, after.after)?;
        Ok(Lines { log, after })
    })
    .await
}

fn bars(nodes: &[NodeResult]) -> Vec<Bar> {
    let bar = |node: &NodeResult| {
        let (name, state) = (node.name.clone(), node.status.clone());
        Some(Bar { name, state, started_us: node.started_us?, took_us: node.took_us })
    };
    nodes.iter().filter(|node| node.status != "skipped").filter_map(bar).collect()
}

/// Runs again what it did not finish.
pub async fn retry(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = run::find(&request.web, &id)?;
        request.web.service.retry(&run.id, &request.identity.named())?;
        request.audit("retried", &run.id)?;
        Ok("/runs".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Cancels it.
pub async fn cancel(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        let run = run::find(&request.web, &id)?;
        request.web.service.cancel(&run.id, &request.identity.named())?;
        request.audit("cancelled", &run.id)?;
        Ok(format!("/runs/{}", format::url(&run.id)))
    });
    response::redirect_or_error(&request, done.await)
}
