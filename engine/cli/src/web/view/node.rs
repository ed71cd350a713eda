//! Nodes, as pages name them.

use crate::web::{format, state::Web};
use engine_language::{
    graph::{NodeId, NodeKind},
    project::Project,
};
use std::collections::BTreeSet;

/// The kinds of nodes, those first that a name without a kind means first.
const KINDS: [NodeKind; 6] =
    [NodeKind::Model, NodeKind::Replication, NodeKind::Seed, NodeKind::Source, NodeKind::Generator, NodeKind::Test];

/// The node of a name, with its kind or without.
pub fn find(project: &Project, name: &str) -> Option<NodeId> {
    let nodes = &project.graph.nodes;
    let plain = KINDS.iter().map(|kind| NodeId::new(*kind, name)).find(|id| nodes.contains_key(id));
    plain.or_else(|| {
        let (kind, name) = name.split_once('.')?;
        let kind = KINDS.into_iter().find(|known| known.word() == kind)?;
        Some(NodeId::new(kind, name)).filter(|id| nodes.contains_key(id))
    })
}

/// Where a node's page is: by its name, if that means it.
pub fn url(project: &Project, id: &NodeId) -> String {
    let name = id.name.as_str();
    let plain = find(project, name).as_ref() == Some(id);
    format!("/models/{}", if plain { format::url(name) } else { format::url(&id.to_string()) })
}

/// The same for a node as the records write it, which may be gone.
pub fn url_of(project: &Project, node: &str) -> String {
    match find(project, node) {
        Some(id) => url(project, &id),
        None => format!("/models/{}", format::url(node)),
    }
}

/// The name of a node as the records write it.
pub fn name(node: &str) -> &str {
    node.split_once('.').map_or(node, |(_, name)| name)
}

/// The nodes at work.
pub fn working(web: &Web) -> BTreeSet<NodeId> {
    let at_work = |run: engine_run::service::LiveRun| {
        run.nodes.into_iter().filter(|(_, node)| node.status.is_none()).map(|(id, _)| id)
    };
    web.service.live().into_iter().flat_map(at_work).collect()
}
