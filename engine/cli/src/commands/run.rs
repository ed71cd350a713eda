//! `engine run`: does what the plan says.

use crate::{
    args::{Output, Plan, Run},
    artifacts,
    commands::plan,
    context::{Context, selected},
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    retried_run::Retried,
    run_session::{self, Ready, RunOptions},
    terminal::{
        self,
        report::{self, Lines},
    },
};
use engine_language::{graph::NodeId, model::Materialized, project::Project};
use engine_run::{
    clock::{Clock as _, SystemClock},
    report::{Report, RunOutcome},
};
use std::{collections::BTreeSet, sync::Arc};

/// Generates what is missing, replicates, builds and checks.
pub fn run(context: &Context, args: &Run) -> Result {
    if args.dry {
        let plan = Plan { selected: args.selected.clone(), full_refresh: args.full_refresh, output: args.output };
        return plan::plan(context, &plan);
    }
    let ready = run_session::ready_to_run(context)?;
    let nodes = selected(&ready.project, &args.selected)?;
    streams(&ready.project, args, &nodes)?;
    let options = RunOptions {
        from: args.from,
        forever: args.forever,
        full_refresh: args.full_refresh,
        fail_fast: args.fail_fast,
        rows_scale: args.rows_scale.unwrap_or(1.0),
        ..RunOptions::default()
    };
    wanted(context, ready, &Wanted { nodes, options, output: args.output, retried: None })
}

/// Refuses `--from` and `--forever` where they would not do what they seem to.
fn streams(project: &Project, args: &Run, nodes: &BTreeSet<NodeId>) -> Result<()> {
    let is_stream = |node: &&NodeId| {
        let model = project.model(node);
        model.is_some_and(|model| model.config.materialized == Materialized::Stream)
    };
    let streams: Vec<&NodeId> = nodes.iter().filter(is_stream).collect();
    let named = streams.first().map_or("MODEL".into(), |node| node.name());
    if args.from.is_some() && (args.selected.include().is_empty() || streams.is_empty()) {
        let hint = format!("such as `engine run {named} --from earliest`");
        return Err(CliError::usage("`--from` moves the streams that are named, and none is", hint));
    }
    if args.forever && streams.is_empty() {
        return Err(CliError::usage(
            "`--forever` is for streams, and none is selected",
            format!("such as `engine run {named} --forever`"),
        ));
    }
    let behind = project.graph.all_descendants(&streams.iter().copied().cloned().collect(), None);
    if args.forever
        && let Some(never) = behind.into_iter().find(|node| nodes.contains(node))
    {
        let message = format!("`--forever` would never come to `{}`, which stands after a stream", never.name());
        return Err(CliError::usage(message, format!("name the streams alone: `engine run {named} --forever`")));
    }
    Ok(())
}

/// What is to be run, and what stdout gets.
#[derive(Debug)]
pub struct Wanted {
    /// The nodes.
    pub nodes: BTreeSet<NodeId>,
    /// How.
    pub options: RunOptions,
    /// What stdout gets.
    pub output: Output,
    /// The run that is retried.
    pub retried: Option<Retried>,
}

/// Runs nodes of a project to their end, and says how it went.
pub fn wanted(context: &Context, mut ready: Ready, wanted: &Wanted) -> Result {
    let Wanted { nodes, options, output, retried } = wanted;
    if let Some(rows) = options.rows {
        ready.make_exactly(nodes, rows);
    }
    ready.say(context);
    let lines = Arc::new(Lines::new(context.terminal, context.global.verbose));
    let report = cancellable(context.terminal, async |cancel| {
        ready.run(context, nodes, *options, lines, cancel, retried.as_ref()).await
    })?;
    report::end(&context.drawing(), &report, &ready.project.files);
    report::next(context.terminal, &report);
    if *output == Output::Json {
        let results = artifacts::run_results::run_results(&report, SystemClock.now_us());
        terminal::write(&format!("{results}\n"))?;
    }
    Ok(exit(&report))
}

/// The exit code that a run means.
pub fn exit(report: &Report) -> ExitStatus {
    match report.outcome {
        RunOutcome::Succeeded => ExitStatus::Done,
        RunOutcome::Failed => ExitStatus::Failed,
        RunOutcome::Cancelled => ExitStatus::Interrupted,
    }
}
