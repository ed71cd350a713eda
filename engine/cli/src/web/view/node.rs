//! Nodes, in a list and one by one.

use super::{Data, node_link::url, run};
use crate::web::{
    format::{self, Square},
    http_error::HttpError,
};
use engine_language::graph::{NodeId, NodeKind};
use engine_run::{
    history::lists::NodeRun,
    service::{LiveRun, Reading},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The kinds of nodes.
const KINDS: [NodeKind; 6] =
    [NodeKind::Model, NodeKind::Copy, NodeKind::Seed, NodeKind::Source, NodeKind::Generator, NodeKind::Test];

/// The nodes at work.
pub fn working(data: &Data) -> BTreeSet<NodeId> {
    let at_work = |run: LiveRun| run.nodes.into_iter().filter(|(_, node)| node.status.is_none()).map(|(id, _)| id);
    data.service.live().into_iter().flat_map(at_work).collect()
}

/// All nodes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Nodes {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// What the names hold.
    pub query: String,
    /// The kind that all have; empty for any.
    pub kind: String,
    /// The kinds that there are.
    pub kinds: Vec<&'static str>,
    /// The nodes, models first, each after what it reads.
    pub nodes: Vec<NodeSummary>,
}

/// A node in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NodeSummary {
    /// Its kind and name: `model.mart_average_check`.
    pub unique_id: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its kind, as dbt's artifacts call it.
    pub resource_type: &'static str,
    /// Where its page is.
    pub url: String,
    /// Its file.
    pub path: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it is, as far as somebody wrote that down.
    pub description: String,
    /// How a model is materialized.
    pub materialized: Option<&'static str>,
    /// What it reads.
    pub depends_on: Vec<String>,
    /// How it ended the last time, or `running`.
    pub state: Option<String>,
    /// When that was.
    pub at_us: Option<i64>,
    /// How long it took.
    pub took_us: Option<i64>,
    /// Rows that it wrote.
    pub rows: Option<u64>,
    /// Its last run.
    pub last_run: Option<run::NodeResult>,
    /// Its last runs, oldest first.
    #[serde(skip)]
    pub squares: Vec<Square>,
}

/// Which nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    q: String,
    kind: String,
}

/// The nodes that a filter lets through.
pub fn nodes(data: &Data, filter: &Filter) -> Result<Nodes, HttpError> {
    let reading = data.service.reading();
    let (query, working) = (filter.q.trim().to_lowercase(), working(data));
    let asked = |id: &NodeId| {
        id.name().to_lowercase().contains(&query) && (filter.kind.is_empty() || id.kind().word() == filter.kind)
    };
    let ids = reading.project.graph.order().into_iter().filter(asked);
    let mut nodes: Vec<NodeSummary> =
        ids.map(|id| summary(data, &reading, &id, &working)).collect::<Result<_, HttpError>>()?;
    nodes.sort_by_key(|node| node.kind != NodeKind::Model.word());
    Ok(Nodes {
        now_us: data.service.now_us(),
        query: filter.q.trim().to_owned(),
        kind: filter.kind.clone(),
        kinds: KINDS.map(NodeKind::word).to_vec(),
        nodes,
    })
}

fn summary(data: &Data, reading: &Reading, id: &NodeId, working: &BTreeSet<NodeId>) -> Result<NodeSummary, HttpError> {
    let project = &reading.project;
    let runs = data.records.runs_of_node(&id.to_string(), u32::try_from(format::SQUARES).unwrap_or(20))?;
    let model = project.model(id);
    let node = project.graph.nodes.get(id);
    let last = runs.iter().find(|run| run.status != "skipped");
    let description = model.and_then(|model| model.config.description.as_deref());
    Ok(NodeSummary {
        unique_id: id.to_string(),
        name: id.name().into_owned(),
        kind: id.kind().word(),
        resource_type: id.kind().word(),
        url: url(project, id),
        path: node.and_then(|node| node.path.as_ref().map(|path| format!("project/{path}"))),
        tags: node.map(|node| node.tags.clone()).unwrap_or_default(),
        description: description.map(|text| reading.mask.text(text)).unwrap_or_default(),
        materialized: model.map(|model| model.config.materialized.word()),
        depends_on: project.graph.parents.get(id).into_iter().flatten().map(ToString::to_string).collect(),
        state: if working.contains(id) { Some("running".to_owned()) } else { last.map(|run| run.status.clone()) },
        at_us: last.and_then(|run| run.started_us),
        took_us: last.map(|run| run.took_us),
        rows: runs.iter().find_map(|run| run.rows.filter(|_| run.status != "failed")),
        last_run: runs.first().cloned().map(|run| run::ended(reading, run)),
        squares: squares(&runs),
    })
}

/// Runs of a node as squares, oldest first.
pub fn squares(runs: &[NodeRun]) -> Vec<Square> {
    let square = |run: &NodeRun| Square {
        state: run.status.clone(),
        title: format!("{}, {}", run.status, format::took(run.took_us)),
        href: format!("/runs/{}", run.run),
    };
    runs.iter().rev().map(square).collect()
}
