//! What must hold and whether it does, and messages that were rejected.

use super::{
    Data,
    dead_letters::{self, Letter},
    node_link,
};
use crate::web::http_error::HttpError;
use engine_language::{graph::NodeId, model::Materialized};
use engine_run::{
    check::declared,
    history::checks::{self, CheckRecord},
    service::Reading,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::runtime::Handle;

/// All checks that the project declares now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checks {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// Those that ran, broken ones first.
    pub checks: Vec<Check>,
    /// How many passed.
    pub passed: usize,
    /// How many are broken.
    pub failing: usize,
    /// How many did not run yet.
    pub never: usize,
    /// Streams and what they rejected.
    pub streams: Vec<Stream>,
}

/// A check, as it went the last time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// The name of its node.
    pub node: String,
    /// The node, with its kind.
    pub unique_id: String,
    /// Where the node's page is.
    pub url: String,
    /// What it checks.
    pub name: String,
    /// `error` or `warn`.
    pub severity: String,
    /// Rows that break it; 0 is passed.
    pub failing: u64,
    /// A few of them, drawn as text.
    pub examples: String,
    /// The run.
    pub run: String,
    /// When.
    pub at_us: i64,
    /// Since when it passes, or breaks.
    pub since_us: i64,
}

/// A stream and what it rejected.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RejectingStream")]
pub struct Stream {
    /// The name of its model.
    pub name: String,
    /// Where the model's page is.
    pub url: String,
    /// The newest messages that it rejected.
    pub letters: Vec<Letter>,
    /// Why they are not known.
    pub error: Option<String>,
}

/// How the checks that are declared went the last time; of one node, if it is named.
pub fn last(data: &Data, reading: &Reading, node: Option<&NodeId>) -> Result<Vec<Check>, HttpError> {
    let project = &reading.project;
    let node = node.map(ToString::to_string);
    let records = data.records.checks(project.target.as_str(), node.as_deref())?;
    let records = checks::current(records, &declared(project, &reading.mask));
    let check = |check: CheckRecord| Check {
        url: node_link::url_of(project, &check.node),
        node: node_link::name(&check.node),
        unique_id: check.node,
        name: check.name,
        severity: check.severity,
        failing: check.failing,
        examples: reading.mask.text(&check.examples),
        run: check.run,
        at_us: check.at_us,
        since_us: check.since_us,
    };
    Ok(records.into_iter().map(check).collect())
}

/// All checks.
pub fn checks(data: &Data, runtime: &Handle) -> Result<Checks, HttpError> {
    let reading = data.service.reading();
    let checks = last(data, &reading, None)?;
    let stream = |id: &NodeId| {
        let (letters, error) = match runtime.block_on(dead_letters::of(&reading, id)) {
            Ok(letters) => (letters, None),
            Err(error) => (vec![], Some(reading.mask.text(&error))),
        };
        Stream { name: id.name().into_owned(), url: node_link::url(&reading.project, id), letters, error }
    };
    Ok(Checks {
        now_us: data.service.now_us(),
        passed: checks.iter().filter(|check| check.failing == 0).count(),
        failing: checks.iter().filter(|check| check.failing > 0).count(),
        never: declared(&reading.project, &reading.mask).len().saturating_sub(checks.len()),
        checks,
        streams: streams(&reading).iter().map(stream).collect(),
    })
}

fn streams(reading: &Reading) -> Vec<NodeId> {
    let streams = reading.project.models.values().filter(|model| model.config.materialized == Materialized::Stream);
    streams.map(|model| NodeId::Model(model.name.clone())).collect()
}
