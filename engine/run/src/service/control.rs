//! What people may ask of the service.

use super::{Service, reading};
use crate::{
    error::Error,
    history,
    schedule::{
        Tick, backfill,
        record::{Cause, JobRequest, NewJob},
        times::Times,
    },
};

/// A run that somebody wants.
#[derive(Clone, Debug, Default)]
pub struct Trigger {
    /// Of this schedule; `None` is of nodes.
    pub schedule: Option<String>,
    /// Which nodes, and how.
    pub request: JobRequest,
    /// Who wants it.
    pub asked_by: String,
}

/// Why the service does not do it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing.
    #[error("{0}")]
    Unknown(String),
    /// It cannot be done as it is asked.
    #[error("{0}")]
    Wrong(String),
    /// The records could not be read or written.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Service {
    /// Notes a run that somebody wants; answers the number of its job.
    pub fn trigger(&self, trigger: Trigger) -> Result<i64, ControlError> {
        let reading = self.reading();
        match &trigger.schedule {
            Some(name) if !reading.project.schedules.contains_key(name.as_str()) => return Err(unknown(name)),
            _ => {}
        }
        reading::nodes(&reading.project, &trigger.request.select, &[])
            .map_err(|problem| ControlError::Wrong(problem.message))?;
        let now = self.now_us();
        self.want(NewJob {
            schedule: trigger.schedule,
            cause: Cause::Hand,
            batch: None,
            tick: Tick { at_us: now, from_us: now },
            request: trigger.request,
            asked_by: Some(trigger.asked_by),
        })
    }

    /// Notes that what a run did not bring to a good end is wanted again; answers the number of its job.
    pub fn retry(&self, run: &str, who: &str) -> Result<i64, ControlError> {
        let history = self.history();
        let request = history
            .request_of(run)?
            .ok_or_else(|| ControlError::Unknown(format!("there is no run `{run}` to retry")))?;
        if history.run_state(run)?.is_none() && self.live().iter().any(|live| live.work.run == run) {
            return Err(ControlError::Wrong(format!("run `{run}` is still at work")));
        }
        let reading = self.reading();
        let target = reading.project.target.as_str();
        if request.target != target {
            return Err(ControlError::Wrong(format!(
                "run `{run}` was for the target `{}`, not `{target}`",
                request.target
            )));
        }
        let jobs = history.open_jobs(target)?;
        if jobs.iter().any(|job| job.request.retry_of.as_deref() == Some(run)) {
            return Err(ControlError::Wrong(format!("run `{run}` is being retried already")));
        }
        if history::left(history, run, &request)?.is_empty() {
            return Err(ControlError::Wrong(format!("run `{run}` left nothing to retry")));
        }
        let schedule = request.schedule.filter(|name| reading.project.schedules.contains_key(name.as_str()));
        let mut vars = request.vars;
        vars.retain(|name, value| self.0.options.vars.get(name) != Some(value));
        let now = self.now_us();
        let (from_us, at_us) = request.interval_us.unwrap_or((now, now));
        let (options, retry_of) = (request.options, Some(run.to_owned()));
        self.want(NewJob {
            schedule,
            cause: Cause::Hand,
            batch: None,
            tick: Tick { at_us, from_us },
            request: JobRequest { select: vec![], vars, options, retry_of },
            asked_by: Some(who.to_owned()),
        })
    }

    /// Notes that all intervals of a schedule between two times are wanted; answers the backfill's name and how many.
    pub fn backfill(
        &self,
        schedule: &str,
        from_us: i64,
        to_us: i64,
        who: &str,
    ) -> Result<(String, usize), ControlError> {
        let reading = self.reading();
        let times = reading.times.get(schedule).ok_or_else(|| unknown(schedule))?;
        let ticks =
            backfill::ticks(times, from_us, to_us).map_err(|refused| ControlError::Wrong(refused.to_string()))?;
        let batch = ulid::Ulid::new().to_string();
        let job = |tick: &Tick| NewJob {
            schedule: Some(schedule.to_owned()),
            cause: Cause::Backfill,
            batch: Some(batch.clone()),
            tick: *tick,
            request: JobRequest::default(),
            asked_by: Some(who.to_owned()),
        };
        let jobs: Vec<NewJob> = ticks.iter().map(job).collect();
        self.history().want(&self.0.target(), &jobs, self.now_us())?;
        self.woken();
        Ok((batch, jobs.len()))
    }

    /// Pauses a schedule; false if it was paused before.
    pub fn pause(&self, schedule: &str, who: &str) -> Result<bool, ControlError> {
        self.known(schedule)?;
        let done = self.history().pause(&self.0.target(), schedule, who, self.now_us())?;
        self.woken();
        Ok(done)
    }

    /// Lets a paused schedule go on; false if it was not paused.
    pub fn resume(&self, schedule: &str) -> Result<bool, ControlError> {
        self.known(schedule)?;
        let done = self.history().resume(&self.0.target(), schedule, self.now_us())?;
        self.woken();
        Ok(done)
    }

    /// Cancels a run at work.
    pub fn cancel(&self, run: &str, who: &str) -> Result<(), ControlError> {
        if self.0.live.cancel(run, who) {
            return Ok(());
        }
        match self.history().run_state(run)? {
            Some(state) => Err(ControlError::Wrong(format!("run `{run}` is {state} already"))),
            None => Err(ControlError::Unknown(format!("run `{run}` is not at work here"))),
        }
    }

    /// Takes back a job that waits, or all that wait of a backfill; answers how many.
    pub fn unwant(&self, job: Option<i64>, batch: Option<&str>, who: &str) -> Result<usize, ControlError> {
        let said = format!("cancelled by {who}");
        let taken_back = self.history().unwant(job, batch, &said, self.now_us())?;
        self.woken();
        Ok(taken_back)
    }

    /// The next ticks of a schedule.
    pub fn next(&self, schedule: &str, count: usize) -> Vec<Tick> {
        let reading = self.reading();
        let times = reading.times.get(schedule);
        times.map(|times: &Times| times.after(self.now_us()).take(count).collect()).unwrap_or_default()
    }

    fn want(&self, job: NewJob) -> Result<i64, ControlError> {
        let ids = self.history().want(&self.0.target(), &[job], self.now_us())?;
        self.woken();
        Ok(ids[0])
    }

    fn known(&self, schedule: &str) -> Result<(), ControlError> {
        let known = self.reading().project.schedules.contains_key(schedule);
        if known { Ok(()) } else { Err(unknown(schedule)) }
    }

    fn woken(&self) {
        self.0.wake.notify_one();
        self.0.beat();
    }
}

fn unknown(schedule: &str) -> ControlError {
    ControlError::Unknown(format!("there is no schedule `{schedule}`"))
}
