//! `engine run`: does what the plan says.

use crate::{
    args::{Output, Plan, Run},
    artifacts,
    commands::plan,
    context::{Context, selected},
    interrupt::cancellable,
    report::{self, Lines},
    stop::{Exit, Result},
    terminal,
    work::{self, Ready, Wish},
};
use engine_language::graph::NodeId;
use engine_run::{
    clock::{Clock as _, SystemClock},
    event::RunOutcome,
    report::Report,
};
use std::{collections::BTreeSet, sync::Arc};

/// Generates what is missing, replicates, builds and checks.
pub fn run(context: &Context, args: &Run) -> Result {
    if args.dry {
        let plan = Plan { selected: args.selected.clone(), full_refresh: args.full_refresh, output: args.output };
        return plan::plan(context, &plan);
    }
    let ready = work::ready(context)?;
    let nodes = selected(&ready.project, &args.selected)?;
    let wish = Wish {
        full_refresh: args.full_refresh,
        fail_fast: args.fail_fast,
        rows_scale: args.rows_scale.unwrap_or(1.0),
        ..Wish::default()
    };
    wanted(context, ready, &Wanted { nodes, wish, output: args.output })
}

/// What is to be run, and what stdout gets.
#[derive(Debug)]
pub struct Wanted {
    /// The nodes.
    pub nodes: BTreeSet<NodeId>,
    /// How.
    pub wish: Wish,
    /// What stdout gets.
    pub output: Output,
}

/// Runs nodes of a project to their end, and says how it went.
pub fn wanted(context: &Context, mut ready: Ready, wanted: &Wanted) -> Result {
    let Wanted { nodes, wish, output } = wanted;
    if let Some(rows) = wish.rows {
        ready.make_exactly(nodes, rows);
    }
    ready.say(context);
    let lines = Arc::new(Lines::new(context.terminal, context.global.verbose));
    let report = cancellable(context.terminal, async |cancel| ready.run(context, nodes, *wish, lines, cancel).await)?;
    report::end(&context.drawing(), &report, &ready.project.files);
    report::next(context.terminal, &report);
    if *output == Output::Json {
        let results = artifacts::run_results::run_results(&report, SystemClock.now_us());
        terminal::write(&format!("{results}\n"))?;
    }
    Ok(exit(&report))
}

/// The exit code that a run means.
pub fn exit(report: &Report) -> Exit {
    match report.outcome {
        RunOutcome::Succeeded => Exit::Done,
        RunOutcome::Failed => Exit::Failed,
        RunOutcome::Cancelled => Exit::Interrupted,
    }
}
