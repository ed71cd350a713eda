//! Where a node's page is, and what the node is called there.

use crate::web::format;
use engine_language::{id::NodeId, project::Project};

/// The node of a name, with its kind or without.
pub fn find(project: &Project, name: &str) -> Option<NodeId> {
    NodeId::named(name).chain(NodeId::parse(name)).find(|id| project.graph.nodes.contains_key(id))
}

/// Where a node's page is: by its name, if that means it.
pub fn url(project: &Project, id: &NodeId) -> String {
    let name = id.name();
    let plain = find(project, &name).as_ref() == Some(id);
    format!("/models/{}", if plain { format::url(&name) } else { format::url(&id.to_string()) })
}

/// The same for a node as the records write it, which may be gone.
pub fn url_of(project: &Project, node: &str) -> String {
    match find(project, node) {
        Some(id) => url(project, &id),
        None => format!("/models/{}", format::url(node)),
    }
}

/// The name of a node as the records write it.
pub fn name(node: &str) -> String {
    NodeId::parse(node).map_or_else(|| node.to_owned(), |id| id.name().into_owned())
}

/// The kind of a node as the records write it.
pub fn kind(node: &str) -> String {
    NodeId::parse(node).map_or_else(String::new, |id| id.kind().word().to_owned())
}
