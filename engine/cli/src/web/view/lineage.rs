//! What a node reads, and what reads it.

use crate::web::{
    view::Data,
    view::{node_link, picture::states},
};
use engine_language::graph::NodeId;
use engine_run::service::Reading;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Nodes around one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Lineage {
    /// What it reads itself.
    pub reads: Vec<Near>,
    /// What reads it itself.
    pub read_by: Vec<Near>,
    /// The picture of all that stands before and behind it.
    #[serde(skip)]
    pub picture: String,
}

/// A node beside another.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Near {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where its page is.
    pub url: String,
}

/// Around a node.
pub fn of(data: &Data, reading: &Reading, id: &NodeId) -> Lineage {
    let graph = &reading.project.graph;
    let near = |nodes: Option<&BTreeSet<NodeId>>| -> Vec<Near> {
        let near = |id: &NodeId| Near {
            name: id.name().into_owned(),
            kind: id.kind().word(),
            url: node_link::url(&reading.project, id),
        };
        nodes.into_iter().flatten().map(near).collect()
    };
    let mut all = graph.ancestors(id);
    all.extend(graph.descendants(id));
    all.insert(id.clone());
    let states = states(data, &all);
    Lineage {
        reads: near(graph.parents.get(id)),
        read_by: near(graph.children.get(id)),
        picture: data.pictures.picture(reading, &all, &states),
    }
}
