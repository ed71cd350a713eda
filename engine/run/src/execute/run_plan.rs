//! Runs a plan: ready steps in parallel, failures skip what stands after them, everything is told as events.

use crate::{
    event::{Event, Events},
    execute::{ready_queue::ReadyQueue, retry, wait_ready},
    plan::Plan,
    report::{NodeReport, Report, RunOutcome},
    runner::{Runner, recover},
    steps::step_run::StepRun,
};
use engine_language::{name::Name, template::RunInfo};
use futures::future::join_all;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

impl Runner {
    /// The same, after waiting for those that are `needed` as [`wait_ready::wait`] does.
    pub async fn arrive_and_recover(
        &self,
        needed: &BTreeSet<Name>,
        patience: Duration,
        waits: &(dyn Fn(&Name, &engine_connect::hub::error::Error) + Sync),
    ) {
        let each = self.systems.iter().map(|(name, connection)| async move {
            if needed.contains(name) {
                wait_ready::one(name, connection, patience, waits).await;
            }
            recover(name, connection).await;
        });
        join_all(each).await;
    }

    /// Runs a plan to its end, or until it is cancelled.
    pub async fn run(&self, plan: &Plan, run: RunInfo, events: &Events, cancel: &CancellationToken) -> Report {
        let began = self.clock.now_us();
        self.send(events, &Event::RunStarted { run: run.id.clone(), steps: plan.steps.len() });
        let step_run = StepRun {
            runner: self.clone(),
            run: run.clone(),
            events: events.clone(),
            reuse: Arc::new(self.reuse()),
            cancel: cancel.clone(),
        };
        let mut queue = ReadyQueue::new(plan);
        let mut working: JoinSet<(usize, Vec<NodeReport>)> = JoinSet::new();
        while !queue.all_done() {
            let stopped = cancel.is_cancelled() || (self.options.fail_fast && queue.failed);
            let skipped = if stopped { queue.skip_all(began) } else { queue.skip_broken(began) };
            for report in skipped {
                self.send(events, &Event::StepFinished(Box::new(report)));
            }
            while working.len() < self.project.settings.limits.steps
                && let Some(at) = queue.next_ready()
            {
                let (step_run, step) = (step_run.clone(), plan.steps[at].clone());
                working.spawn(async move { (at, Box::pin(retry::run(&step_run, &step)).await) });
            }
            match working.join_next().await {
                None => assert!(queue.all_done(), "a step that is left can begin, or one before it failed"),
                Some(Ok((at, reports))) => {
                    for report in &reports {
                        self.send(events, &Event::StepFinished(Box::new(report.clone())));
                    }
                    queue.finish(at, reports);
                }
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        join_all(self.systems.iter().filter_map(|(_, connection)| Some(connection.sink()?.finish_background()))).await;
        let outcome = if cancel.is_cancelled() {
            RunOutcome::Cancelled
        } else if queue.failed {
            RunOutcome::Failed
        } else {
            RunOutcome::Succeeded
        };
        let took = self.since(began);
        self.send(events, &Event::RunFinished { run: run.id.clone(), outcome, took });
        Report { run: run.id, outcome, nodes: queue.reports, took }
    }
}
