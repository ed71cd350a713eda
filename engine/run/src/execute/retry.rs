//! Runs a step, again if that may help.

use crate::{
    error::{Error, Result},
    event::{Event, Level},
    plan::{Action, Step},
    report::{Failure, NodeReport, Status},
    sql::classify_error,
    steps::{self, step_run::StepRun},
};
use engine_language::{graph::NodeId, model::Materialized};
use std::time::Duration;
use tokio::sync::OwnedRwLockWriteGuard;

/// Runs a step until it is done, or nothing more may help.
pub async fn run(run: &StepRun, step: &Step) -> Vec<NodeReport> {
    let began = run.runner.clock.now_us();
    for node in &step.nodes {
        run.send(&Event::StepStarted { node: node.clone(), doing: doing(step.action) });
    }
    let tries = run.runner.options.retries + 1;
    let mut run = run.clone();
    let mut attempt = 1;
    // Held until the step is done.
    let mut exclusive = None;
    loop {
        let done = tokio::select! {
            biased;
            () = run.cancel.cancelled() => Err(Error::Cancelled),
            done = with_permit(&run, step, exclusive.is_some()) => done,
        };
        let error = match done {
            Ok(reports) => return reports,
            Err(error) => error,
        };
        if classify_error::memory_may_help(&error) && find_memory(&mut run, step, &mut exclusive).await {
            continue;
        }
        if attempt == tries || !classify_error::may_pass(&error) {
            return failed(&run, step, &error, began);
        }
        let wait = Duration::from_millis(500 << (attempt - 1).min(6));
        let reason = error.to_string();
        run.send(&Event::StepRetried { node: step.nodes[0].clone(), attempt, of: tries, reason, wait });
        tokio::select! {
            () = run.cancel.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        attempt += 1;
    }
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Generate => "Generating",
        Action::Seed => "Seeding",
        Action::Replicate => "Replicating",
        Action::Build => "Running",
        Action::Test => "Testing",
    }
}

/// Runs a step beside others, unless it has the memory for itself.
async fn with_permit(run: &StepRun, step: &Step, exclusive: bool) -> Result<Vec<NodeReport>> {
    let _permit = if !exclusive && ends(run, step) { Some(run.runner.sessions.shared_permit().await) } else { None };
    Box::pin(steps::run(run, step)).await
}

/// Whether a step asks a query that comes to an end; a stream may be followed for ever.
fn ends(run: &StepRun, step: &Step) -> bool {
    let model = run.runner.project.model(&step.nodes[0]);
    match step.action {
        Action::Test => true,
        Action::Build => model.is_some_and(|model| model.config.materialized != Materialized::Stream),
        Action::Generate | Action::Seed | Action::Replicate => false,
    }
}

/// Lets a query for which memory was short have that of the others, when they are done; with nobody beside it, it does with
/// less, or gets more. Says whether there is anything left to try.
async fn find_memory(run: &mut StepRun, step: &Step, exclusive: &mut Option<OwnedRwLockWriteGuard<()>>) -> bool {
    let (node, sessions) = (&step.nodes[0], run.runner.sessions.clone());
    if exclusive.is_none() && ends(run, step) {
        *exclusive = sessions.try_exclusive_permit();
        if exclusive.is_none() {
            run.log(node, Level::Warn, "there was not enough memory beside other queries: running again without them");
            tokio::select! {
                () = run.cancel.cancelled() => {}
                turn = sessions.exclusive_permit() => *exclusive = Some(turn),
            }
            return true;
        }
    }
    let Some((more, how)) = sessions.with_more_room() else { return false };
    run.log(node, Level::Warn, format!("there was not enough memory: {how}; `[limits] memory` gives more"));
    run.runner.sessions = more;
    true
}

/// All nodes of a step failed for one reason.
fn failed(run: &StepRun, step: &Step, error: &Error, began: i64) -> Vec<NodeReport> {
    let report = |node: &NodeId| {
        let span = run.runner.project.graph.nodes.get(node).and_then(|node| node.span);
        let mut report = NodeReport::new(node.clone(), Status::Failed, began);
        report.took = run.runner.since(began);
        if matches!(error, Error::Cancelled) {
            report.status = Status::Skipped;
            report.note = Some("stopped".into());
        } else {
            report.failure =
                Some(Failure { diagnostic: classify_error::of(error, span), retry: classify_error::may_pass(error) });
        }
        report
    };
    step.nodes.iter().map(report).collect()
}
