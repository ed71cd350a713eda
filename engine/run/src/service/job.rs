//! One job: from what is wanted to a run, and from the run's outcome to what becomes of the job.

use super::{
    Inner, Reading,
    fan_out::{FanOut, Work},
    reading,
    shared_lock::Pass,
    table_discovery,
};
use crate::{
    error::Error,
    event::{Events, Listener},
    history::{self, History, Origin, Recorder, RunRequest},
    report::{self, Report, RunOutcome},
    schedule::{admission::Footprint, record::Job, scheduler::Outcome},
};
use engine_language::{id::NodeId, name::Name, template::RunInfo};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Records that cannot be read are waited for with waits that double, up to this one.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Does a job, records what became of it, and makes room for others.
pub async fn work(inner: Arc<Inner>, job: Job, run: RunInfo, pass: Pass) {
    let id = run.id.clone();
    // A task of its own, because a step may panic.
    let tried = tokio::spawn(attempt(inner.clone(), job.clone(), run)).await;
    let outcome = tried.unwrap_or_else(|_| {
        inner.history.break_off(&id);
        Outcome::Failed("engine itself failed; this is a mistake in engine, not in the project".to_owned())
    });
    fail::fail_point!("schedule::ran");
    let outcome = match (outcome, inner.live.end(&id)) {
        (Outcome::Succeeded, _) => Outcome::Succeeded,
        (_, Some(who)) => Outcome::Cancelled(format!("cancelled by {who}")),
        (Outcome::Failed(reason), None) => Outcome::Failed(inner.reading().mask.text(&reason)),
        (outcome, None) => outcome,
    };
    inner.finish(job, id, outcome);
    drop(pass);
    inner.wake.notify_one();
    inner.beat();
}

async fn attempt(inner: Arc<Inner>, job: Job, run: RunInfo) -> Outcome {
    inner.look_for_tables(&footprint(&inner.history, &inner.reading(), &job)).await;
    let reading = match of_vars(&inner, &job).await {
        Ok(reading) => reading,
        Err(why) => return Outcome::Failed(why),
    };
    let history = &inner.history;
    let todo = || Ok(Todo { nodes: nodes(history, &reading, &job)?, earlier_runs: earlier_runs(history, &job)? });
    let todo = match patiently(todo).await {
        Ok(todo) => todo,
        Err(why) => return Outcome::Failed(why),
    };
    let cancel = CancellationToken::new();
    let work = Work { run: run.id.clone(), schedule: job.schedule.clone(), job: Some(job.clone()) };
    inner.live.begin(work.clone(), inner.now(), cancel.clone());
    let schedule = job.schedule.as_deref().and_then(|name| reading.project.schedules.get(name));
    let limit = schedule.and_then(|schedule| schedule.timeout);
    let running = one(&inner, &reading, &work, todo, run, &cancel);
    tokio::pin!(running);
    let report = tokio::select! {
        report = &mut running => report,
        limit = over(limit) => {
            cancel.cancel();
            let report = running.await;
            // It may have ended well at the last moment.
            return match report.outcome {
                RunOutcome::Cancelled => Outcome::Failed(format!("took longer than {}", humantime::format_duration(limit))),
                _ => outcome(&report),
            };
        }
    };
    outcome(&report)
}

fn outcome(report: &Report) -> Outcome {
    match report.outcome {
        RunOutcome::Succeeded => Outcome::Succeeded,
        RunOutcome::Failed => Outcome::Failed(report::reason(report)),
        RunOutcome::Cancelled => Outcome::Stopped,
    }
}

/// Waits until the limit is over; for ever, if there is none.
async fn over(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// What a job's run is to do.
struct Todo {
    nodes: BTreeSet<NodeId>,
    /// The runs that it retries.
    earlier_runs: Vec<String>,
}

/// Runs nodes, and writes down what happens.
async fn one(
    inner: &Arc<Inner>,
    reading: &Reading,
    work: &Work,
    Todo { nodes, earlier_runs }: Todo,
    run: RunInfo,
    cancel: &CancellationToken,
) -> Report {
    let request = work.job.as_ref().map(|job| job.request.clone()).unwrap_or_default();
    let options = request.options;
    let history = &inner.history;
    let runner = reading.runner.clone().with(options).retrying(earlier_runs.clone());
    let plan = match runner.plan(&nodes) {
        Ok(plan) => plan,
        Err(error) => {
            tracing::error!(run = run.id, %error, "the records of earlier runs cannot be read");
            return Report { run: run.id, outcome: RunOutcome::Failed, nodes: vec![], took: Duration::ZERO };
        }
    };
    let mut vars = inner.options.vars.clone();
    vars.extend(request.vars);
    let request = RunRequest::new(&reading.project, options, vars, &plan).of_run(&run, earlier_runs);
    let recorder = Recorder::new(history.clone(), request).of(origin(work)).hiding(reading.mask.clone());
    let fan_out = FanOut { inner: inner.clone(), work: work.clone() };
    let listeners: Vec<Arc<dyn Listener>> = vec![Arc::new(recorder), Arc::new(fan_out)];
    table_discovery::arrived(reading, &plan, cancel).await;
    let report = runner.run(&plan, run, &Events::to(listeners), cancel).await;
    written(inner, reading, work, &report);
    report
}

/// Remembers what a run made, and tells those who wait for its end.
pub(super) fn written(inner: &Inner, reading: &Reading, work: &Work, report: &Report) {
    if let Err(error) = history::remember(&reading.project, &reading.schemas, &inner.history, report) {
        tracing::warn!(%error, "columns are not remembered");
    }
    for watcher in &inner.options.watchers {
        watcher.ended(work, reading, report);
    }
}

pub(super) fn origin(work: &Work) -> Origin {
    let job = work.job.as_ref();
    Origin {
        job: job.map(|job| job.id),
        schedule: work.schedule.clone(),
        cause: Some(job.map_or("continuous", |job| job.cause.word()).to_owned()),
        asked_by: job.and_then(|job| job.asked_by.clone()),
    }
}

/// The project with the variables of the job.
async fn of_vars(inner: &Arc<Inner>, job: &Job) -> Result<Arc<Reading>, String> {
    let reading = inner.reading();
    if job.request.vars.is_empty() {
        return Ok(reading);
    }
    let mut options = inner.options.clone();
    options.vars.extend(job.request.vars.clone());
    let (history, clock) = (inner.history.clone(), inner.clock.clone());
    let read = move || Reading::read(&options, reading.discovered.clone(), &history, &clock, Some(&reading.runner));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(reading)) => Ok(Arc::new(reading)),
        Ok(Err(broken)) => {
            let first = broken.problems.iter().next().map(|problem| problem.message.clone());
            Err(first.unwrap_or_else(|| "the project has problems with these variables".to_owned()))
        }
        Err(_) => Err("engine itself failed while it read the project".to_owned()),
    }
}

/// The nodes that a job is to make: what the run before did not bring to a good end, if there was one; else what its
/// schedule or somebody selects.
fn nodes(history: &History, reading: &Reading, job: &Job) -> Result<BTreeSet<NodeId>, Error> {
    let project = &reading.project;
    for run in [&job.run, &job.request.retry_of].into_iter().flatten() {
        // A run that broke off before it was recorded left all of it.
        if let Some(request) = history.request_of(run)? {
            let left = history::left(history, run, &request)?;
            let known = |name: &String| NodeId::parse(name).filter(|id| project.graph.nodes.contains_key(id));
            return Ok(left.iter().filter_map(known).collect());
        }
    }
    if let Some(run) = &job.request.retry_of {
        return Err(Error::State(format!("what was requested of run `{run}` is not known any more")));
    }
    let schedule = job.schedule.as_deref().and_then(|name| project.schedules.get(name));
    let select = match schedule {
        Some(schedule) if job.request.select.is_empty() => reading::select_of(schedule),
        _ => job.request.select.clone(),
    };
    reading::nodes(project, &select, &[]).map_err(|problem| Error::Project(Box::new(problem)))
}

/// What a job makes and touches. If that cannot be told, it is what its run is told when it begins: all of the schedule's.
pub(super) fn footprint(history: &History, reading: &Reading, job: &Job) -> Footprint {
    let of_schedule = || job.schedule.as_deref().and_then(|name| reading.footprints.get(&Name::new(name))).cloned();
    let again = job.run.is_some() || job.request.retry_of.is_some();
    match of_schedule().filter(|_| !again && job.request.select.is_empty()) {
        Some(footprint) => footprint,
        None => nodes(history, reading, job)
            .map_or_else(|_| of_schedule().unwrap_or_default(), |nodes| reading::footprint(&reading.project, nodes)),
    }
}

/// The runs that a job's run retries: its own before, and those of the run that somebody retries.
fn earlier_runs(history: &History, job: &Job) -> Result<Vec<String>, Error> {
    let before = [&job.run, &job.request.retry_of].into_iter().flatten();
    let chains: Vec<Vec<String>> = before.map(|run| history.earlier_runs(run)).collect::<Result<_, _>>()?;
    Ok(chains.concat())
}

/// Reads the records, again for a while if they cannot be read.
async fn patiently<T>(read: impl Fn() -> Result<T, Error>) -> Result<T, String> {
    let mut wait = Duration::from_millis(100);
    loop {
        match read() {
            Err(Error::State(_)) if wait < LONGEST_WAIT => sleep(wait).await,
            read => return read.map_err(|error| error.to_string()),
        }
        wait *= 2;
    }
}
