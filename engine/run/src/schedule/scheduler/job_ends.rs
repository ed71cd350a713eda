//! What becomes of a job whose run is over, and of the schedules that come after it.

use super::{Rules, Scheduler};
use crate::schedule::{
    Tick, backoff,
    in_flight::RunKey,
    record::{Cause, Job, JobRequest, JobState, NewJob, RunEnd},
    store::{Applied, Change, End, Store},
};
use engine_language::{
    config::schedule::{Missed, Schedule, Trigger},
    name::Name,
};
use std::collections::BTreeMap;

/// A job that was cut off so often takes the process down with it, and is not begun again.
const MOST_CUTS: u32 = 3;
/// A job that waits may be begun while one more interval is added to it; after so many tries it gets a job of its own.
const MOST_TRIES: usize = 3;

/// How a job's run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Succeeded,
    /// It failed, took too long, or could not begin: why, in one sentence.
    Failed(String),
    /// The service was stopped under it.
    Stopped,
    /// Somebody cancelled it: who, in one sentence.
    Cancelled(String),
}

/// A run that is over, whose end is to be recorded.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    job: Job,
    end: End,
}

impl Scheduler {
    /// Records the end of a job's run, and makes room for others. If it cannot be recorded now, each look tries again; until
    /// then the job counts as at work.
    pub fn finish<S: Store>(
        &mut self,
        rules: &Rules<'_>,
        store: &S,
        (job, run): (Job, String),
        outcome: Outcome,
        now_us: i64,
    ) -> Result<(), S::Error> {
        let job = Job { run: Some(run), ..job };
        let end = end_of(rules, &job, outcome, now_us);
        self.unrecorded.insert(job.id, Ended { job, end });
        self.record_ends(rules, store, now_us)
    }

    /// Records the ends of runs that could not be recorded before.
    pub(super) fn record_ends<S: Store>(&mut self, rules: &Rules<'_>, store: &S, now_us: i64) -> Result<(), S::Error> {
        let mut first_error = None;
        for (id, ended) in std::mem::take(&mut self.unrecorded) {
            match record(rules, store, &ended.job, &ended.end, now_us) {
                Ok(()) => self.in_flight.remove(&RunKey::Job(id)),
                Err(error) => {
                    first_error = first_error.or(Some(error));
                    self.unrecorded.insert(id, ended);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Settles jobs that are recorded as at work and are not: those of a process that died, and those whose beginning was
    /// recorded although the records said that it was not. Answers the jobs that are open then.
    pub(super) fn settle_orphans<S: Store>(
        &mut self,
        rules: &Rules<'_>,
        store: &S,
        now_us: i64,
    ) -> Result<Vec<Job>, S::Error> {
        let jobs = store.open_jobs()?;
        let is_orphan = |job: &&Job| job.state == JobState::Running && !self.in_flight.contains(&RunKey::from(*job));
        let orphans: Vec<&Job> = jobs.iter().filter(is_orphan).collect();
        for job in &orphans {
            let end = if self.recovered { End::Stopped } else { end_of_cut_off(rules, store, job, now_us)? };
            record(rules, store, job, &end, now_us)?;
        }
        self.recovered = true;
        if orphans.is_empty() { Ok(jobs) } else { store.open_jobs() }
    }
}

fn end_of(rules: &Rules<'_>, job: &Job, outcome: Outcome, now_us: i64) -> End {
    let reason = match outcome {
        Outcome::Succeeded => return End::Succeeded,
        Outcome::Stopped => return End::Stopped,
        Outcome::Cancelled(who) => return End::Cancelled(who),
        Outcome::Failed(reason) => reason,
    };
    let retries = rules.schedule_of(job).map(|schedule| schedule.retries).unwrap_or_default();
    if job.failures >= retries.times {
        return End::Failed(reason);
    }
    let wait = backoff::wait(retries.wait, job.failures + 1, job.id);
    End::Again { reason, ready_us: now_us.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)) }
}

/// What becomes of a job that was at work when the process before this one died.
fn end_of_cut_off<S: Store>(rules: &Rules<'_>, store: &S, job: &Job, now_us: i64) -> Result<End, S::Error> {
    let known = job.run.as_deref().map_or(Ok(None), |run| store.run_end(run))?;
    let missed = rules.schedule_of(job).map(|schedule| schedule.missed);
    Ok(match known {
        Some(RunEnd::Succeeded) => End::Succeeded,
        Some(RunEnd::Failed) => end_of(rules, job, Outcome::Failed("its run failed".to_owned()), now_us),
        None if job.cause == Cause::Due && missed == Some(Missed::None) => End::Interrupted,
        None if job.cuts + 1 >= MOST_CUTS => {
            End::Failed(format!("it was cut off {MOST_CUTS} times with the whole process"))
        }
        None => End::Cut,
    })
}

fn record<S: Store>(rules: &Rules<'_>, store: &S, job: &Job, end: &End, now_us: i64) -> Result<(), S::Error> {
    let first = Change::End { job: job.id, run: job.run.clone(), end: end.clone() };
    let ended = EndedJob {
        schedule: job.schedule.as_deref(),
        id: Some(job.id),
        run: job.run.as_deref(),
        tick: job.tick,
        vars: &job.request.vars,
    };
    apply(rules.schedules, store, first, ended, end, now_us)
}

/// Records a run that was made of a schedule outside of the service, as that of a job that has ended.
pub fn record_run<S: Store>(
    schedules: &BTreeMap<Name, Schedule>,
    store: &S,
    (job, run): (NewJob, String),
    outcome: Outcome,
    now_us: i64,
) -> Result<(), S::Error> {
    let end = match outcome {
        Outcome::Succeeded => End::Succeeded,
        Outcome::Failed(reason) => End::Failed(reason),
        Outcome::Stopped => End::Interrupted,
        Outcome::Cancelled(who) => End::Cancelled(who),
    };
    let first = Change::AddEnded { job: job.clone(), run: run.clone(), end: end.clone() };
    let (schedule, vars) = (job.schedule.as_deref(), &job.request.vars);
    let ended = EndedJob { schedule, id: None, run: Some(&run), tick: job.tick, vars };
    apply(schedules, store, first, ended, &end, now_us)
}

/// What the end of a job needs of it.
#[derive(Clone, Copy)]
struct EndedJob<'a> {
    schedule: Option<&'a str>,
    id: Option<i64>,
    run: Option<&'a str>,
    tick: Tick,
    vars: &'a BTreeMap<String, String>,
}

/// Makes the first change, and all that follows from the end of a job with it.
fn apply<S: Store>(
    schedules: &BTreeMap<Name, Schedule>,
    store: &S,
    first: Change,
    job: EndedJob<'_>,
    end: &End,
    now_us: i64,
) -> Result<(), S::Error> {
    let mut changes = vec![first];
    for tries in 1.. {
        changes.truncate(1);
        changes.extend(changes_of_end(schedules, store, job, end, tries < MOST_TRIES, now_us)?);
        match store.apply(&changes, now_us)? {
            // It was recorded before, although the records said that it was not.
            Applied::All | Applied::Stale(0) => break,
            Applied::Stale(_) => {}
        }
    }
    Ok(())
}

/// All that the end of a job changes beside the job itself.
fn changes_of_end<S: Store>(
    schedules: &BTreeMap<Name, Schedule>,
    store: &S,
    job: EndedJob<'_>,
    end: &End,
    extend: bool,
    now_us: i64,
) -> Result<Vec<Change>, S::Error> {
    let mut changes = vec![];
    let Some(name) = job.schedule else { return Ok(changes) };
    if !end.state().is_open() {
        changes.push(Change::Ready { schedule: name.to_owned(), at_us: now_us });
    }
    if *end == End::Succeeded {
        changes.extend(woken(schedules, store, job, name, extend)?);
    }
    let told = schedules.get(name).is_some_and(|schedule| schedule.webhook.is_some());
    if let End::Failed(reason) = end
        && told
    {
        let (schedule, run, reason) = (name.to_owned(), job.run.map(str::to_owned), reason.clone());
        changes.push(Change::Alert { schedule, job: job.id, run, kind: "failed", reason });
    }
    Ok(changes)
}

/// Jobs of the schedules that come after this one. Unless each run counts, one that still waits stands for both.
fn woken<S: Store>(
    schedules: &BTreeMap<Name, Schedule>,
    store: &S,
    job: EndedJob<'_>,
    name: &str,
    extend: bool,
) -> Result<Vec<Change>, S::Error> {
    let comes_after = |trigger: &Trigger| matches!(trigger, Trigger::After(other) if other.as_str() == name);
    let after: Vec<_> = schedules.values().filter(|schedule| comes_after(&schedule.trigger)).collect();
    if after.is_empty() {
        return Ok(vec![]);
    }
    let open = store.open_jobs()?;
    let change = |schedule: &&Schedule| {
        let waits = |other: &&Job| {
            other.schedule.as_deref() == Some(schedule.name.as_str())
                && (other.cause, other.state) == (Cause::After, JobState::Waiting)
                && other.run.is_none()
                && other.request.vars == *job.vars
        };
        let there = open.iter().find(waits).filter(|_| extend && schedule.missed != Missed::All);
        there.map_or_else(
            || {
                let request = JobRequest { vars: job.vars.clone(), ..JobRequest::default() };
                Change::Add(NewJob { request, ..NewJob::of_schedule(schedule.name.as_str(), Cause::After, job.tick) })
            },
            |other| Change::Extend { job: other.id, tick: job.tick },
        )
    };
    Ok(after.iter().map(change).collect())
}
