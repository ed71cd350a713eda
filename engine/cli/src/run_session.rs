//! From a project to a run: the one place that puts plan, runner, history and listeners together.

use crate::{
    artifacts::{self, events::EventLog},
    context::{Context, Loaded},
    exit_status::{CliError, Result},
    interrupt::cancellable,
    retried_run::Retried,
    terminal::{
        Style, format,
        report::{self, Lines},
    },
};
use engine_language::{
    config::generator::Rows,
    diagnostic::Problems,
    graph::{NodeId, NodeKind},
    name::Name,
    project::Project,
    template::RunInfo,
};
use engine_run::{
    analyze::analyze,
    clock::{Clock as _, SystemClock},
    discover,
    error::Error,
    event::{Events, Listener},
    execute::wait_ready,
    history::{
        self, History, Recorder, RunRequest,
        lock::{self, RunLock, Taken},
    },
    location, losses,
    redact::Mask,
    report::{Report, RunOutcome},
    runner::Runner,
    sql::Schemas,
    sql::classify_error,
    systems::Systems,
};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use engine_run::options::RunOptions;

/// How long a run waits for another one to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// A project that can run.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The project.
    pub project: Arc<Project>,
    /// The columns of each node, as far as they are known.
    pub schemas: Arc<Schemas>,
    /// How long understanding it took.
    pub took: Duration,
}

/// Understands the project, or refuses it and draws why.
pub fn ready(context: &Context) -> Result<Ready> {
    let loaded = checked(context);
    context.draw(&loaded.project, &loaded.problems, loaded.took);
    if loaded.problems.has_errors() {
        return Err(CliError::Problems);
    }
    Ok(Ready::of(loaded))
}

/// Understands the project, or refuses it. Tables that a replication's glob names are asked for first.
pub fn ready_to_run(context: &Context) -> Result<Ready> {
    discover(context)?;
    ready(context)
}

/// Asks systems for the tables that replications name by globs; whoever reads the project after that knows them.
pub fn discover(context: &Context) -> Result<()> {
    let mut loaded = context.load(RunInfo::NONE);
    let sources = discover::open_sources(&loaded.project);
    let systems = Systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    if sources.is_empty() || !discover::may_help(&loaded.problems) {
        return Ok(());
    }
    let project = loaded.project;
    let connections = sources.iter().filter_map(|name| Some(project.sources.get(name)?.connection.value.clone()));
    let connections: BTreeSet<Name> = connections.collect();
    let found = cancellable(context.terminal, async |cancel| {
        let ask = async {
            arrived(context, &project, &systems, &connections).await;
            discover::tables(&project, &systems, &sources).await
        };
        tokio::select! {
            found = ask => found.map_err(|error| asked(context, &project, &error)),
            () = cancel.cancelled() => Err(Error::Cancelled.into()),
        }
    })?;
    // Whoever asked before knows the same.
    let _ = context.discovered.set(found);
    Ok(())
}

/// Draws why a system did not tell its tables.
fn asked(context: &Context, project: &Project, error: &Error) -> CliError {
    let mut problems = Problems::default();
    problems.push(classify_error::of(error, None));
    context.draw(project, &problems, Duration::ZERO);
    CliError::Problems
}

/// Waits for systems that are not there yet, and says so.
async fn arrived(context: &Context, project: &Project, systems: &Systems, names: &BTreeSet<Name>) {
    let patience = project.settings.limits.wait;
    wait_ready::wait(systems, names, patience, &waits(context, patience)).await;
}

/// The same; each system that is there is freed from what crashed runs left behind.
async fn arrived_and_recovered(context: &Context, runner: &Runner, needed: &BTreeSet<Name>) {
    let patience = runner.project().settings.limits.wait;
    runner.arrive_and_recover(needed, patience, &waits(context, patience)).await;
}

/// Says what is waited for.
fn waits(context: &Context, patience: Duration) -> impl Fn(&Name, &engine_connect::hub::error::Error) + Sync {
    move |name, error| {
        let text = format!("for {name}: {}; for up to {}", error.source, format::duration(patience));
        context.terminal.note(&report::action(context.terminal, Style::Blue, "Waiting", &text));
    }
}

/// Adds what replications would lose, as far as that is known.
pub fn losses(context: &Context, loaded: &mut Loaded) {
    let mut problems = Problems::default();
    let systems = Systems::connect(&loaded.project, &context.root, &mut problems);
    loaded.problems.extend(losses::find(&loaded.project, &systems));
    loaded.problems.sort(&loaded.project.files);
}

/// Understands the project as far as that needs no system.
pub fn checked(context: &Context) -> Loaded {
    let mut loaded = context.load(RunInfo::NONE);
    finish(context, &mut loaded);
    loaded
}

/// What loading alone cannot know: connections as their connectors want them, and the columns that models name.
pub fn finish(context: &Context, loaded: &mut Loaded) {
    let started = Instant::now();
    let systems = Systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    loaded.schemas = analyze(&loaded.project, &systems, &mut loaded.problems);
    loaded.problems.sort(&loaded.project.files);
    loaded.took += started.elapsed();
}

/// What earlier runs left in memory; without any, nothing, and nothing is made.
pub fn remembered(context: &Context) -> Result<History> {
    Ok(if remembers(context) { History::open(&context.root.join(".engine"))? } else { History::in_memory()? })
}

/// Whether there are records of earlier runs.
pub fn remembers(context: &Context) -> bool {
    context.root.join(".engine/state.db").exists()
}

impl Ready {
    /// A reading without errors.
    pub fn of(loaded: Loaded) -> Self {
        Self { project: Arc::new(loaded.project), schemas: Arc::new(loaded.schemas), took: loaded.took }
    }

    /// `Compiled 5 models, 7 tables, 2 replications`.
    pub fn say(&self, context: &Context) {
        let of = |kind| self.project.graph.nodes.keys().filter(|id| id.kind() == kind).count();
        let parts = [
            (of(NodeKind::Model), "model"),
            (of(NodeKind::Copy) + of(NodeKind::Seed), "table"),
            (self.project.replications.len(), "replication"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format::counted(*n as u64, word)).collect();
        context.terminal.note(&report::timed(context.terminal, Style::Good, "Compiled", &parts.join(", "), self.took));
    }

    /// Makes generators make so many rows; those that make some for each row of another keep to that.
    pub fn make_exactly(&mut self, nodes: &BTreeSet<NodeId>, rows: u64) {
        let project = Arc::make_mut(&mut self.project);
        for name in nodes.iter().filter_map(NodeId::generator) {
            if let Some(generator) = project.generators.get_mut(name)
                && matches!(generator.rows, Rows::Count(_))
            {
                generator.rows = Rows::Count(rows);
            }
        }
    }

    /// A runner over the project's own systems.
    pub fn runner(&self, context: &Context, history: Arc<History>, options: RunOptions) -> Result<Runner> {
        let runner = Runner::open(self.project.clone(), history, Arc::new(SystemClock), &context.root);
        let runner = runner.map_err(|problems| {
            context.draw(&self.project, &problems, self.took);
            CliError::Problems
        })?;
        Ok(runner.with(options))
    }

    /// Runs the nodes, says what happens, and leaves the artifacts.
    pub async fn run(
        &self,
        context: &Context,
        nodes: &BTreeSet<NodeId>,
        options: RunOptions,
        lines: Arc<Lines>,
        cancel: CancellationToken,
        retried: Option<&Retried>,
    ) -> Result<Report> {
        let made = context.made()?;
        let _lock = lock(context, &made, &cancel).await?;
        let history = Arc::new(History::open(&made)?);
        history.interrupt_dead_runs()?;
        history.forget_old(self.project.settings.kept, SystemClock.now_us())?;
        let runner = self.runner(context, history.clone(), options)?;
        let plan = runner.plan(nodes)?;
        let needed = location::connections(&self.project, plan.steps.iter().flat_map(|step| &step.nodes));
        tokio::select! {
            () = arrived_and_recovered(context, &runner, &needed) => {}
            () = cancel.cancelled() => {}
        }
        let folder = artifacts::folder(&made)?;
        let log = Arc::new(EventLog::create(&folder, Mask::of(&self.project))?);
        let vars = context.global.vars.iter().cloned().collect();
        let run = run_info(retried.and_then(Retried::interval_us));
        let earlier_runs = retried.map_or(Ok(vec![]), |retried| retried.earlier_runs(&history))?;
        let runner = runner.retrying(earlier_runs.clone());
        let request = RunRequest::new(&self.project, options, vars, &plan).of_run(&run, earlier_runs);
        let origin = retried.map(|retried| retried.origin(&self.project)).unwrap_or_default();
        let recorder = Recorder::new(history.clone(), request).of(origin).hiding(Mask::of(&self.project));
        let listeners: Vec<Arc<dyn Listener>> = vec![lines, log, Arc::new(recorder)];
        let limited = retried.map(|retried| retried.limit(&self.project, &cancel));
        let stop = limited.as_ref().map_or(&cancel, |(limited, _)| limited);
        let mut report = runner.run(&plan, run.clone(), &Events::to(listeners), stop).await;
        if let Some((_, Some(limit))) = limited
            && report.outcome == RunOutcome::Cancelled
            && !cancel.is_cancelled()
        {
            report.outcome = RunOutcome::Failed;
            let text = format!("took longer than {}, the limit of its schedule", humantime::format_duration(limit));
            context.terminal.note(&report::action(context.terminal, Style::Bad, "Stopped", &text));
        }
        if let Some(retried) = retried {
            retried.record(&self.project, &history, &run, &report)?;
        }
        history::remember(&self.project, &self.schemas, &history, &report)?;
        artifacts::leave(&folder, &self.project, &self.schemas, &report)?;
        Ok(report)
    }
}

/// A run that begins now, for an interval, or for none but its start.
pub fn run_info(interval_us: Option<(i64, i64)>) -> RunInfo {
    let now = SystemClock.now_us();
    RunInfo { id: ulid::Ulid::new().to_string(), started_at_us: now, interval_us: interval_us.unwrap_or((now, now)) }
}

/// Waits until no other run is at work.
pub async fn lock(context: &Context, made: &Path, cancel: &CancellationToken) -> Result<RunLock> {
    let started = Instant::now();
    loop {
        let other = match lock::take(made)? {
            Taken::Ours(lock) => return Ok(lock),
            Taken::By(other) => other.map_or(String::new(), |id| format!(", process {id}")),
        };
        if started.elapsed() < Duration::from_millis(50) {
            let text = format!("another run is at work here{other}; waiting for its end");
            context.terminal.note(&report::action(context.terminal, Style::Blue, "Waiting", &text));
        }
        if started.elapsed() > PATIENCE {
            let hint = "wait for its end, or stop it".to_owned();
            return Err(CliError::usage(format!("another run is still at work here{other}"), hint));
        }
        tokio::select! {
            () = sleep(Duration::from_millis(100)) => {}
            () = cancel.cancelled() => return Err(Error::Cancelled.into()),
        }
    }
}
