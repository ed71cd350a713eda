//! `engine ls`: nodes.

use crate::{
    args::{Ls, Output},
    context::{Context, selected},
    stop::{Exit, Result},
    terminal,
};
use engine_language::{
    graph::{Node, NodeKind},
    project::Project,
    template::RunInfo,
};
use serde_json::json;

/// Lists nodes, each after what it reads: one name a line, or one object a line.
pub fn ls(context: &Context, args: &Ls) -> Result {
    let project = context.load_good(RunInfo::NONE)?.project;
    let selected = selected(&project, &args.selected)?;
    let mut text = String::new();
    for id in project.graph.order().iter().filter(|id| selected.contains(*id)) {
        match args.output {
            Output::Text => text.extend([format!("{:<12}{}\n", id.kind.word(), id.name)]),
            Output::Json => text.extend([format!("{}\n", described(&project, &project.graph.nodes[id]))]),
        }
    }
    terminal::write(&text)?;
    Ok(Exit::Done)
}

/// A node as JSON.
pub fn described(project: &Project, node: &Node) -> serde_json::Value {
    let reads: Vec<String> =
        project.graph.parents.get(&node.id).into_iter().flatten().map(ToString::to_string).collect();
    let model = project.models.get(&node.id.name).filter(|_| node.id.kind == NodeKind::Model);
    json!({
        "unique_id": node.id.to_string(),
        "resource_type": node.id.kind.word(),
        "name": node.id.name.as_str(),
        "path": node.path.as_ref().map(|path| format!("project/{path}")),
        "tags": node.tags,
        "description": model.and_then(|model| model.config.description.as_deref()),
        "materialized": model.map(|model| model.config.materialized.word()),
        "depends_on": reads,
    })
}
