//! What depends on what.

use super::{Data, node_link, picture::states};
use crate::graph::Subgraph;
use engine_language::{graph::NodeId, select::select};
use engine_run::service::Reading;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// A part of the graph.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Graph {
    /// What selects it; empty for everything.
    pub selection: String,
    /// Why nothing is selected.
    pub error: Option<String>,
    /// The nodes, each after what it reads.
    pub nodes: Vec<Node>,
    /// The picture, as SVG.
    #[serde(skip)]
    pub picture: String,
}

/// A node and what it reads.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "GraphNode")]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where its page is.
    pub url: String,
    /// Its place in the picture.
    pub anchor: String,
    /// How it ended the last time.
    pub state: String,
    /// What it reads, of what is shown.
    pub reads: Vec<String>,
}

/// The nodes of a selection.
pub fn selected(reading: &Reading, selection: &str) -> Result<BTreeSet<NodeId>, String> {
    let include: Vec<&str> = Some(selection).filter(|text| !text.is_empty()).into_iter().collect();
    select(&reading.project, &include, &[]).map_err(|problem| problem.message)
}

/// The part of the graph that a selection names.
pub fn graph(data: &Data, selection: &str) -> Graph {
    let reading = data.service.reading();
    let (nodes, error) = match selected(&reading, selection) {
        Ok(nodes) => (nodes, None),
        Err(error) => (BTreeSet::new(), Some(error)),
    };
    let states = states(data, &nodes);
    let drawn = Subgraph { project: &reading.project, selected: &nodes };
    let node = |id: &NodeId| Node {
        name: id.name().into_owned(),
        kind: id.kind().word(),
        url: node_link::url(&reading.project, id),
        anchor: format!("n-{id}").replacen('.', "-", 1),
        state: states.get(id).cloned().unwrap_or_else(|| "never".to_owned()),
        reads: drawn.reads(id).iter().map(|id| id.name().into_owned()).collect(),
    };
    Graph {
        selection: selection.to_owned(),
        error,
        nodes: drawn.nodes().iter().map(node).collect(),
        picture: if nodes.is_empty() { String::new() } else { data.pictures.picture(&reading, &nodes, &states) },
    }
}
