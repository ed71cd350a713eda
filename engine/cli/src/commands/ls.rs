//! `engine ls`: nodes.

use crate::{
    args::{Ls, Output},
    context::{Context, selected},
    exit_status::{ExitStatus, Result},
    graph::node::described,
    terminal,
};
use engine_language::template::RunInfo;

/// Lists nodes, each after what it reads: one name a line, or one object a line.
pub fn ls(context: &Context, args: &Ls) -> Result {
    let project = context.load_good(RunInfo::NONE)?.project;
    let selected = selected(&project, &args.selected)?;
    let mut text = String::new();
    for id in project.graph.order().iter().filter(|id| selected.contains(*id)) {
        match args.output {
            Output::Text => text.extend([format!("{:<12}{}\n", id.kind().word(), id.name())]),
            Output::Json => text.extend([format!("{}\n", described(&project, &project.graph.nodes[id]))]),
        }
    }
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}
