//! `manifest.json`: the project as it was understood.

use super::metadata;
use engine_language::{
    graph::{Node, NodeId, NodeKind},
    project::Project,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The whole file.
pub fn manifest(project: &Project, run: &str, at_us: i64) -> Value {
    let of = |wanted: &dyn Fn(NodeKind) -> bool| -> Map<String, Value> {
        let nodes = project.graph.nodes.values().filter(|node| wanted(node.id.kind()));
        nodes.map(|node| (node.id.to_string(), described(project, node))).collect()
    };
    json!({
        "metadata": metadata("manifest", run, at_us),
        "nodes": of(&|kind| !matches!(kind, NodeKind::Source)),
        "sources": of(&|kind| kind == NodeKind::Source),
        "parent_map": edges(project, &project.graph.parents),
        "child_map": edges(project, &project.graph.children),
    })
}

fn edges(project: &Project, edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> Map<String, Value> {
    let names = |id| -> Vec<String> { edges.get(id).into_iter().flatten().map(ToString::to_string).collect() };
    project.graph.nodes.keys().map(|id| (id.to_string(), json!(names(id)))).collect()
}

fn described(project: &Project, node: &Node) -> Value {
    let reads: Vec<String> =
        project.graph.parents.get(&node.id).into_iter().flatten().map(ToString::to_string).collect();
    let mut value = json!({
        "unique_id": node.id.to_string(),
        "resource_type": node.id.kind().word(),
        "name": node.id.name(),
        "path": node.path,
        "original_file_path": node.path.as_ref().map(|path| format!("project/{path}")),
        "tags": node.tags,
        "depends_on": { "nodes": reads },
    });
    if let Some(model) = project.model(&node.id) {
        let config = &model.config;
        let checks: Vec<String> = config.checks.iter().map(|check| check.rule.say()).collect();
        value["description"] = json!(config.description);
        value["raw_code"] = json!(&**project.files.text(model.file));
        value["checksum"] = json!({ "name": "blake3", "checksum": model.fingerprint.hash });
        value["config"] = json!({
            "materialized": config.materialized.word(),
            "alias": config.table.as_str(),
            "unique_key": config.key.iter().map(|key| key.value.as_str()).collect::<Vec<_>>(),
            "sink": config.sink.as_ref().map(|sink| sink.as_str()),
            "tags": config.tags,
            "checks": checks,
        });
    }
    value
}
