//! `engine retry`: what the newest run did not bring to its end, asked for as it was then.

use crate::{
    args::Retry,
    commands::run::{self, Wanted},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    retried_run::Retried,
    run_session::{self, Ready, RunOptions},
    terminal::{
        Style, format,
        report::{action, short_id},
    },
};
use engine_language::graph::NodeId;
use engine_run::history::{
    self, RunRecord, RunRequest,
    lock::{self, Taken},
};
use std::collections::BTreeSet;

/// Runs again what failed, was skipped or was not reached, with the target and variables of that run.
pub fn retry(context: &Context, args: &Retry) -> Result {
    let history = run_session::remembered(context)?;
    let Some(last) = history.runs(1)?.pop() else {
        return Err(CliError::usage("there are no runs yet", "`engine run` makes the first one".to_owned()));
    };
    idle(context, &last)?;
    let Some(request) = history.request_of(&last.id)? else {
        let message = format!("what was asked of run {} is not known: an older engine made it", short_id(&last.id));
        return Err(CliError::usage(message, "`engine run` runs all that is not up to date".to_owned()));
    };
    let context = as_requested(context, &request)?;
    let ready = run_session::ready_to_run(&context)?;
    let left = history::left(&history, &last.id, &request)?;
    let nodes = known(&context, &ready, &left);
    if nodes.is_empty() {
        let text = format!("run {} left nothing to retry", short_id(&last.id));
        context.terminal.note(&action(context.terminal, Style::Good, "Done", &text));
        return Ok(ExitStatus::Done);
    }
    let again = format!("{} of run {}", format::counted(nodes.len() as u64, "node"), short_id(&last.id));
    context.terminal.note(&action(context.terminal, Style::Blue, "Retrying", &again));
    let options = RunOptions { fail_fast: args.fail_fast, ..request.options };
    let retried = Some(Retried { run: last.id, request });
    run::wanted(&context, ready, &Wanted { nodes, options, output: args.output, retried })
}

/// A run that still goes on cannot be retried; one that is marked so and holds no lock was killed.
fn idle(context: &Context, last: &RunRecord) -> Result<()> {
    if last.state != "running" {
        return Ok(());
    }
    match lock::take(&context.made()?)? {
        Taken::Ours(_) => Ok(()),
        Taken::By(_) => {
            let message = format!("run {} is still at work", short_id(&last.id));
            Err(CliError::usage(message, "wait for its end, or stop it".to_owned()))
        }
    }
}

/// The command as it was typed then; saying otherwise now is a mistake.
fn as_requested(context: &Context, request: &RunRequest) -> Result<Context> {
    let mut context = context.clone();
    if let Some(typed) = context.global.target.replace(request.target.clone()).filter(|typed| *typed != request.target)
    {
        let message = format!("the last run was for the target `{}`, not `{typed}`", request.target);
        return Err(CliError::usage(message, format!("`engine run -t {typed}` begins one for the other")));
    }
    if !context.global.vars.is_empty() {
        let hint = "leave `--var` out, or begin a new run: `engine run --var …`".to_owned();
        return Err(CliError::usage("a retry has the variables of the run that it retries", hint));
    }
    context.global.vars = request.vars.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(context)
}

/// Those that are still in the project; the others are said to be gone.
fn known(context: &Context, ready: &Ready, left: &[String]) -> BTreeSet<NodeId> {
    let of_name = |name: &String| NodeId::parse(name).filter(|id| ready.project.graph.nodes.contains_key(id));
    for name in left.iter().filter(|name| of_name(name).is_none()) {
        let text = format!("{name} is no longer in the project");
        context.terminal.note(&action(context.terminal, Style::Warn, "Gone", &text));
    }
    left.iter().filter_map(of_name).collect()
}
