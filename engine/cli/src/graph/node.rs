//! A node of the graph as JSON.

use engine_language::{graph::Node, project::Project};
use serde_json::json;

/// A node as JSON.
pub fn described(project: &Project, node: &Node) -> serde_json::Value {
    let reads: Vec<String> =
        project.graph.parents.get(&node.id).into_iter().flatten().map(ToString::to_string).collect();
    let model = project.model(&node.id);
    json!({
        "unique_id": node.id.to_string(),
        "resource_type": node.id.kind().word(),
        "name": node.id.name(),
        "path": node.path.as_ref().map(|path| format!("project/{path}")),
        "tags": node.tags,
        "description": model.and_then(|model| model.config.description.as_deref()),
        "materialized": model.map(|model| model.config.materialized.word()),
        "depends_on": reads,
    })
}
