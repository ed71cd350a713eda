//! `/checks`: what must hold and whether it does, and rows that were rejected.

use crate::web::{http_error::HttpError, layout::Layout, request::RequestContext, response, view::node};
use askama::Template;
use axum::response::Response;
use engine_language::{graph::NodeId, model::Materialized};
use engine_run::service::Reading;
use serde::Serialize;
use tokio::runtime::Handle;

mod letters;

use letters::Letter;

#[derive(Template, Serialize)]
#[template(path = "checks.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    checks: Vec<Check>,
    passed: usize,
    failing: usize,
    never: usize,
    streams: Vec<Stream>,
}

/// A check, as it went the last time.
#[derive(Debug, Serialize)]
struct Check {
    node: String,
    url: String,
    name: String,
    severity: String,
    failing: u64,
    examples: String,
    run: String,
    at_us: i64,
    since_us: i64,
}

/// A stream and what it rejected.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    url: String,
    letters: Vec<Letter>,
    error: Option<String>,
}

/// Shows them.
pub async fn checks(request: RequestContext) -> Response {
    let runtime = Handle::current();
    response::show(request, move |request| page(request, &runtime)).await
}

fn page(request: &RequestContext, runtime: &Handle) -> Result<Page, HttpError> {
    let web = &request.web;
    let reading = web.service.reading();
    let project = &reading.project;
    let mask = reading.mask.clone();
    let records = web.records.checks(project.target.as_str(), None)?;
    let known = |node: &str| node::find(project, node).is_some();
    let checks: Vec<Check> = records
        .into_iter()
        .filter(|check| known(&check.node))
        .map(|check| Check {
            url: node::url_of(project, &check.node),
            node: node::name(&check.node),
            name: check.name,
            severity: check.severity,
            failing: check.failing,
            examples: mask.text(&check.examples),
            run: check.run,
            at_us: check.at_us,
            since_us: check.since_us,
        })
        .collect();
    let declared: usize = project.models.values().map(|model| model.config.checks.len()).sum();
    let declared = declared + project.singular_tests.len();
    let streams = streams(&reading);
    let streams = streams.iter().map(|id| {
        let (letters, error) = match runtime.block_on(letters::of(&reading, id)) {
            Ok(letters) => (letters, None),
            Err(error) => (vec![], Some(mask.text(&error))),
        };
        Stream { name: id.name().into_owned(), url: node::url(project, id), letters, error }
    });
    Ok(Page {
        layout: Layout::new(request, "Checks"),
        now_us: web.service.now_us(),
        passed: checks.iter().filter(|check| check.failing == 0).count(),
        failing: checks.iter().filter(|check| check.failing > 0).count(),
        never: declared.saturating_sub(checks.len()),
        checks,
        streams: streams.collect(),
    })
}

fn streams(reading: &Reading) -> Vec<NodeId> {
    let streams = reading.project.models.values().filter(|model| model.config.materialized == Materialized::Stream);
    streams.map(|model| NodeId::Model(model.name.clone())).collect()
}
