//! One job: from what is wanted to a run, and from the run's outcome to what becomes of the job.

use super::{
    Inner, Reading,
    fan_out::{FanOut, Work},
    reading,
    shared_lock::Pass,
    table_discovery,
    tick::key,
};
use crate::{
    event::{Events, Listener, RunOutcome},
    history::{
        self, Origin, Recorder, RunRequest,
        finish::{End, Follow},
        jobs::{Cause, Job},
    },
    options::RunOptions,
    report::Report,
    schedule::{admission::Footprint, backoff},
};
use engine_language::{
    config::schedule::{Missed, Schedule},
    graph::NodeId,
    name::Name,
    template::RunInfo,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How a job's run went.
enum How {
    /// It came to an end by itself.
    Ran(Report),
    /// It took too long.
    TimedOut(Duration),
    /// It was cancelled from outside.
    Stopped,
    /// It could not begin.
    Refused(String),
}

/// Does a job, writes down what became of it, and makes room for others.
pub async fn work(inner: Arc<Inner>, job: Job, run: RunInfo, pass: Pass) {
    let (id, key) = (run.id.clone(), key(&job));
    // A task of its own, because a step may panic.
    let tried = tokio::spawn(attempt(inner.clone(), job.clone(), run)).await;
    let how = tried.unwrap_or_else(|_| {
        let _ = inner.history.break_off(&id);
        How::Refused("engine itself failed; this is a mistake in engine, not in the project".to_owned())
    });
    fail::fail_point!("schedule::ran");
    let who = inner.live.end(&id);
    let job = Job { run: Some(id), ..job };
    let reading = inner.reading();
    let schedule = job.schedule.as_deref().and_then(|name| reading.project.schedules.get(name));
    let end = end(&job, schedule, how, who, inner.now()).hiding(&reading.mask);
    let follow = Follow {
        after: job.schedule.as_deref().map(|name| reading.after(name)).unwrap_or_default(),
        alert: schedule.is_some_and(|schedule| schedule.webhook.is_some()),
    };
    if let Err(error) = inner.history.end(reading.project.target.as_str(), &job, &end, &follow, inner.now()) {
        tracing::error!(%error, job = job.id, "the end of a job is not written down; it will be run again");
    }
    inner.in_flight().leave(&key);
    drop(pass);
    inner.wake.notify_one();
    inner.beat();
}

/// What becomes of a job.
fn end(job: &Job, schedule: Option<&Schedule>, how: How, cancelled_by: Option<String>, now: i64) -> End {
    let said = match how {
        How::Ran(report) if report.outcome == RunOutcome::Succeeded => return End::Succeeded,
        _ if cancelled_by.is_some() => {
            return End::Cancelled(format!("cancelled by {}", cancelled_by.unwrap_or_default()));
        }
        How::Stopped => return End::Stopped,
        How::Ran(report) => why(&report),
        How::TimedOut(limit) => format!("took longer than {}", humantime::format_duration(limit)),
        How::Refused(why) => why,
    };
    let retries = schedule.map(|schedule| schedule.retries).unwrap_or_default();
    if job.failures >= retries.times {
        return End::Failed(said);
    }
    let wait = backoff::wait(retries.wait, job.failures + 1, job.id);
    End::Again { said, ready_us: now.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)) }
}

/// Why a run failed, in one sentence.
pub(super) fn why(report: &Report) -> String {
    let first = report.nodes.iter().find_map(|node| Some((node, node.failure.as_ref()?)));
    first.map_or_else(
        || "the run failed".to_owned(),
        |(node, failure)| {
            format!("`{}`: {} {}", node.node.name(), failure.diagnostic.code.id, failure.diagnostic.message)
        },
    )
}

async fn attempt(inner: Arc<Inner>, job: Job, run: RunInfo) -> How {
    inner.look_for_tables(&footprint(&inner.reading(), &job)).await;
    let reading = match of_vars(&inner, &job).await {
        Ok(reading) => reading,
        Err(why) => return How::Refused(why),
    };
    let nodes = match left(&inner, &reading, &job) {
        Ok(nodes) => nodes,
        Err(why) => return How::Refused(why),
    };
    let cancel = CancellationToken::new();
    let work = Work { run: run.id.clone(), schedule: job.schedule.clone(), job: Some(job.clone()) };
    inner.live.begin(work.clone(), inner.now(), cancel.clone());
    let schedule = job.schedule.as_deref().and_then(|name| reading.project.schedules.get(name));
    let limit = schedule.and_then(|schedule| schedule.timeout);
    let running = one(&inner, &reading, &work, &nodes, run, &cancel);
    tokio::pin!(running);
    let report = tokio::select! {
        report = &mut running => report,
        limit = over(limit) => {
            cancel.cancel();
            let report = running.await;
            // It may have ended well at the last moment.
            return if report.outcome == RunOutcome::Cancelled { How::TimedOut(limit) } else { How::Ran(report) };
        }
    };
    if report.outcome == RunOutcome::Cancelled { How::Stopped } else { How::Ran(report) }
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

/// Runs nodes, and writes down what happens.
async fn one(
    inner: &Arc<Inner>,
    reading: &Reading,
    work: &Work,
    nodes: &BTreeSet<NodeId>,
    run: RunInfo,
    cancel: &CancellationToken,
) -> Report {
    let wanted = work.job.as_ref().map(|job| job.wanted.clone()).unwrap_or_default();
    let options = RunOptions { full_refresh: wanted.full_refresh, ..RunOptions::default() };
    let history = &inner.history;
    let plan = options.plan(&reading.project, history, nodes);
    let mut vars = inner.options.vars.clone();
    vars.extend(wanted.vars);
    let recorder = Recorder::new(history.clone(), RunRequest::new(&reading.project, options, vars, &plan))
        .of(origin(work))
        .hiding(reading.mask.clone());
    let fan_out = FanOut { inner: inner.clone(), work: work.clone() };
    let listeners: Vec<Arc<dyn Listener>> = vec![Arc::new(recorder), Arc::new(fan_out)];
    let runner = reading.runner.clone().with(options);
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
    if job.wanted.vars.is_empty() {
        return Ok(reading);
    }
    let mut options = inner.options.clone();
    options.vars.extend(job.wanted.vars.clone());
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

/// The nodes that a job selects.
fn nodes(reading: &Reading, job: &Job) -> Result<BTreeSet<NodeId>, String> {
    let project = &reading.project;
    let schedule = job.schedule.as_deref().and_then(|name| project.schedules.get(name));
    let select = match schedule {
        Some(schedule) if job.wanted.select.is_empty() => reading::select_of(schedule),
        _ => job.wanted.select.clone(),
    };
    reading::nodes(project, &select, &[]).map_err(|problem| problem.message)
}

/// What a job makes and touches; nothing, if its selection is wrong by now: that is told when it begins.
pub(super) fn footprint(reading: &Reading, job: &Job) -> Footprint {
    match job.schedule.as_deref().map(Name::new) {
        Some(name) if job.wanted.select.is_empty() => reading.footprints.get(&name).cloned().unwrap_or_default(),
        _ => nodes(reading, job).map(|nodes| reading::footprint(&reading.project, nodes)).unwrap_or_default(),
    }
}

/// The nodes that are still to be made: what the run before did not bring to a good end, if there was one.
fn left(inner: &Inner, reading: &Reading, job: &Job) -> Result<BTreeSet<NodeId>, String> {
    let before = job.run.as_ref().or(job.wanted.retry_of.as_ref());
    let request = before.and_then(|run| Some((run, inner.history.request_of(run).ok().flatten()?)));
    let Some((run, request)) = request else { return nodes(reading, job) };
    let left = history::left(&inner.history, run, &request).map_err(|error| error.to_string())?;
    let known = |name: &String| NodeId::parse(name).filter(|id| reading.project.graph.nodes.contains_key(id));
    Ok(left.iter().filter_map(known).collect())
}

/// Whether a job that was cut off goes on.
pub(super) fn goes_on(job: &Job, schedule: Option<&Schedule>) -> bool {
    let missed = schedule.map(|schedule| schedule.missed);
    !(job.cause == Cause::Due && missed == Some(Missed::None))
}
