//! Runs by nodes.

use super::{Data, node_link, run::RunSummary};
use crate::web::http_error::HttpError;
use engine_language::graph::NodeId;
use engine_run::history::lists::RunFilter;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs that are shown.
const RUNS: u32 = 30;

/// How each node ended in each run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Grid {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// The runs, oldest first.
    pub runs: Vec<RunSummary>,
    /// A row for each node.
    pub rows: Vec<Row>,
    /// The schedule whose runs these are; empty for all.
    pub schedule: String,
    /// The schedules that there are.
    pub schedules: Vec<String>,
}

/// A node, and how it ended in each run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GridRow")]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where its page is.
    pub url: String,
    /// How it ended, run by run.
    pub cells: Vec<Option<String>>,
}

/// The last runs, of one schedule if it is named.
pub fn grid(data: &Data, schedule: &str) -> Result<Grid, HttpError> {
    let reading = data.service.reading();
    let project = &reading.project;
    let filter = RunFilter {
        schedule: Some(schedule.to_owned()).filter(|name| !name.is_empty()),
        without_streams: schedule.is_empty(),
        ..RunFilter::default()
    };
    let mut runs = data.records.run_rows(&filter, RUNS)?;
    runs.reverse();
    let mut states: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate() {
        for node in data.records.node_runs(&run.id)? {
            states.entry(node.node).or_insert_with(|| vec![None; runs.len()])[i] = Some(node.status);
        }
    }
    let row = |id: &NodeId| {
        let cells = states.get(&id.to_string())?.clone();
        Some(Row { name: id.name().into_owned(), kind: id.kind().word(), url: node_link::url(project, id), cells })
    };
    Ok(Grid {
        now_us: data.service.now_us(),
        rows: project.graph.order().iter().filter_map(row).collect(),
        runs: runs.into_iter().map(RunSummary::from).collect(),
        schedule: schedule.to_owned(),
        schedules: project.schedules.keys().map(ToString::to_string).collect(),
    })
}
