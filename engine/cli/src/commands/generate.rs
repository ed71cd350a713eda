//! `engine generate`: only the generators.

mod file;
mod forever;

use crate::{
    args::{Generate, Selected},
    commands::run,
    context::{Context, selected},
    exit_status::{CliError, Result},
    interrupt::cancellable,
    run_session::{self, RunOptions},
    terminal::report::{self, Lines},
};
use engine_language::{
    graph::{NodeId, NodeKind},
    project::Project,
};
use std::{collections::BTreeSet, sync::Arc};

/// Fills what the generators are for.
pub fn generate(context: &Context, args: &Generate) -> Result {
    let mut ready = run_session::ready(context)?;
    let nodes = generators(&ready.project, &args.selected)?;
    if args.forever {
        return forever::forever(context, &ready, &nodes);
    }
    if let Some(rows) = args.rows {
        ready.make_exactly(&nodes, rows);
    }
    if let Some(path) = &args.to {
        return file::write(context, &ready, &nodes, args, path);
    }
    let rows_scale = args.rows_scale.unwrap_or(1.0);
    let options = RunOptions { regenerate: args.replace, rows_scale, rows: args.rows, ..RunOptions::default() };
    let lines = Arc::new(Lines::new(context.terminal, context.global.verbose));
    let report =
        cancellable(context.terminal, async |cancel| ready.run(context, &nodes, options, lines, cancel, None).await)?;
    report::end(&context.drawing(), &report, &ready.project.files);
    report::next(context.terminal, &report);
    Ok(run::exit(&report))
}

/// The selected generators. A plain word means a generator here, even where a model has the same name.
fn generators(project: &Project, typed: &Selected) -> Result<BTreeSet<NodeId>> {
    let own = |word: &String| {
        let name = NodeId::Generator(word.as_str().into());
        if project.graph.nodes.contains_key(&name) { format!("generator:{word}") } else { word.clone() }
    };
    let typed = Selected {
        nodes: typed.include().iter().map(own).collect(),
        named: vec![],
        exclude: typed.exclude.iter().map(own).collect(),
    };
    let mut nodes = selected(project, &typed)?;
    nodes.retain(|node| node.kind() == NodeKind::Generator);
    if nodes.is_empty() {
        let hint = "`engine ls resource_type:generator` lists generators".to_owned();
        return Err(CliError::usage("no generator is selected", hint));
    }
    Ok(nodes)
}
