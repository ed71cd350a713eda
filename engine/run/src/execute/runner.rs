//! Runs a plan: ready steps in parallel, failures skip what stands after them, everything is told as events.

use crate::{
    clock::Clock,
    event::{Event, Events, RunOutcome},
    execute::{ready_queue::ReadyQueue, retry, step::StepRun, wait_ready},
    history::History,
    options::RunOptions,
    plan::Plan,
    report::{NodeReport, Report},
    reuse::{Reuse, definition::Definitions},
    sql::{classify_error, session::Sessions},
    systems::Systems,
};
use engine_connect::hub::connection::Connection;
use engine_language::{diagnostic::Problems, name::Name, project::Project, template::RunInfo};
use futures::future::join_all;
use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs plans of one project.
#[derive(Clone, Debug)]
pub struct Runner {
    pub(crate) project: Arc<Project>,
    pub(crate) systems: Systems,
    pub(crate) sessions: Sessions,
    pub(crate) history: Arc<History>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: RunOptions,
    /// The runs that this one retries, whose publications are not made again.
    pub(crate) earlier_runs: Arc<Vec<String>>,
    pub(crate) definitions: Arc<Definitions>,
}

impl Runner {
    /// Makes the connections of a project, without I/O; complains of what is wrong with them.
    pub fn open(
        project: Arc<Project>,
        history: Arc<History>,
        clock: Arc<dyn Clock>,
        root: &Path,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let systems = Systems::connect(&project, root, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let spill = root.join(".engine/tmp");
        let sessions = Sessions::new(project.settings.limits, &spill).map_err(|error| {
            let mut problems = Problems::default();
            problems.push(classify_error::of(&error, None));
            problems
        })?;
        let definitions = Arc::new(Definitions::of(&project));
        Ok(Self {
            project,
            systems,
            sessions,
            history,
            clock,
            options: RunOptions::default(),
            earlier_runs: Arc::default(),
            definitions,
        })
    }

    /// The same, over other connections than the project's: for tests and rehearsals.
    #[must_use]
    pub fn over(mut self, systems: Systems) -> Self {
        self.systems = systems;
        self
    }

    /// The same, done in another way.
    #[must_use]
    pub fn with(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// The same, as a retry of these runs.
    #[must_use]
    pub fn retrying(mut self, earlier_runs: Vec<String>) -> Self {
        self.earlier_runs = earlier_runs.into();
        self
    }

    /// The same, within the memory and the room to spill of another runner.
    #[must_use]
    pub fn sharing(mut self, other: &Self) -> Self {
        self.sessions = other.sessions.clone();
        self
    }

    /// Where queries run.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// The connections.
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// Removes what crashed runs left behind, in every system that can be reached. The caller holds the run lock.
    pub async fn recover(&self) {
        join_all(self.systems.iter().map(|(name, connection)| recover(name, connection))).await;
    }

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

    /// Decides what is unchanged, having asked nothing yet.
    pub(crate) fn reuse(&self) -> Reuse {
        let definitions = self.definitions.clone();
        Reuse::new(self.project.clone(), self.systems.clone(), self.history.clone(), definitions)
    }

    pub(crate) fn send(&self, events: &Events, event: &Event) {
        events.send(self.clock.now_us(), event);
    }

    /// The time since then.
    pub(crate) fn since(&self, began_us: i64) -> Duration {
        Duration::from_micros(self.clock.now_us().saturating_sub(began_us).max(0).unsigned_abs())
    }
}

async fn recover(name: &Name, connection: &Arc<dyn Connection>) {
    let Some(sink) = connection.sink() else { return };
    if let Err(error) = sink.recover().await {
        tracing::warn!(%name, %error, "leftovers could not be removed");
    }
}
