//! A retry in a terminal is of the same schedule and interval as the run that it retries: it has its time limit, and its
//! end is recorded as that of the schedule's own run, which wakes what comes `after` and raises alerts.

use crate::exit_status::Result;
use engine_language::{config::schedule::Schedule, project::Project, template::RunInfo};
use engine_run::{
    clock::{Clock as _, SystemClock},
    history::{History, Origin, RunRequest, TargetRecords},
    report::{Report, RunOutcome},
    schedule::{
        Tick,
        record::{Cause, JobRequest, NewJob},
        scheduler::{Outcome, record_run},
    },
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The run that is retried.
#[derive(Clone, Debug)]
pub struct Retried {
    /// Its id.
    pub run: String,
    /// What was requested of it.
    pub request: RunRequest,
}

impl Retried {
    /// The interval that the retry stands for.
    pub fn interval_us(&self) -> Option<(i64, i64)> {
        self.request.interval_us
    }

    /// The runs that the retry goes on with.
    pub fn earlier_runs(&self, history: &History) -> Result<Vec<String>> {
        Ok(history.earlier_runs(&self.run)?)
    }

    /// The schedule, if the project still has it.
    pub fn schedule<'a>(&self, project: &'a Project) -> Option<&'a Schedule> {
        project.schedules.get(self.request.schedule.as_deref()?)
    }

    /// What is recorded of where the retry comes from.
    pub fn origin(&self, project: &Project) -> Origin {
        let schedule = self.schedule(project).map(|schedule| schedule.name.to_string());
        let cause = schedule.as_ref().map(|_| Cause::Hand.word().to_owned());
        Origin { schedule, cause, ..Origin::default() }
    }

    /// Cancels the run when the time of its schedule is over; answers a token that is cancelled then, too.
    pub fn limit(&self, project: &Project, cancel: &CancellationToken) -> (CancellationToken, Option<Duration>) {
        let limit = self.schedule(project).and_then(|schedule| schedule.timeout);
        let limited = cancel.child_token();
        if let Some(limit) = limit {
            let over = limited.clone();
            tokio::spawn(async move {
                tokio::time::sleep(limit).await;
                over.cancel();
            });
        }
        (limited, limit)
    }

    /// Records the end of the retry with the schedule.
    pub fn record(&self, project: &Project, history: &History, run: &RunInfo, report: &Report) -> Result<()> {
        let Some(schedule) = self.schedule(project) else { return Ok(()) };
        let now_us = SystemClock.now_us();
        let outcome = match report.outcome {
            RunOutcome::Succeeded => Outcome::Succeeded,
            RunOutcome::Failed => Outcome::Failed(engine_run::report::reason(report)),
            RunOutcome::Cancelled => Outcome::Cancelled("stopped in a terminal".to_owned()),
        };
        let (from_us, at_us) = run.interval_us;
        let vars = self.request.vars.clone();
        let request = JobRequest { vars, retry_of: Some(self.run.clone()), ..JobRequest::default() };
        let job =
            NewJob { request, ..NewJob::of_schedule(schedule.name.as_str(), Cause::Hand, Tick { at_us, from_us }) };
        let records = TargetRecords { history, target: project.target.as_str() };
        Ok(record_run(&project.schedules, &records, (job, run.id.clone()), outcome, now_us)?)
    }
}
