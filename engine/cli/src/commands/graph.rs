//! `engine graph`: what depends on what, drawn.

use crate::{
    args::{Graph, GraphOutput},
    context::{Context, selected},
    exit_status::{ExitStatus, Result},
    graph::{Subgraph, svg},
    terminal,
};
use engine_language::template::RunInfo;

/// Draws the selected nodes and the edges between them.
pub fn graph(context: &Context, args: &Graph) -> Result {
    let project = context.load_good(RunInfo::NONE)?.project;
    let selected = selected(&project, &args.selected)?;
    let drawn = Subgraph { project: &project, selected: &selected };
    let text = match args.output {
        GraphOutput::Text => drawn.text(context.terminal.data_colour),
        GraphOutput::Dot => drawn.dot(),
        GraphOutput::Mermaid => drawn.mermaid(),
        GraphOutput::Svg => svg::svg(&drawn),
        GraphOutput::Json => drawn.json(),
    };
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}
