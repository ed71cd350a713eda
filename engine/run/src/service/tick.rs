//! One look at all schedules: the scheduler says what begins, and it is begun.

use super::{Inner, Reading, job, run_info, shared_lock::Pass};
use crate::{
    error::Result,
    history::TargetRecords,
    schedule::{
        admission::Room,
        record::Job,
        scheduler::{Outcome, Rules},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Schedules are looked at at least so often: the clock may be set while we wait.
const LONGEST_US: i64 = 10_000_000;
/// How often to ask whether another process has ended its run.
const KNOCK_US: i64 = 100_000;
/// What could not be recorded is recorded after so long, at the earliest.
const RECORD_AGAIN_US: i64 = 1_000_000;
/// Removing what others left behind may take so long; what could not be removed is removed another time.
const PATIENCE: Duration = Duration::from_secs(30);

impl Inner {
    /// Looks at the records, and begins what may begin; answers when to look again.
    pub(super) async fn tick(self: &Arc<Self>) -> Result<i64> {
        let (now_us, reading) = (self.now(), self.reading());
        self.history.write_held_back();
        let look = self.with_scheduler(&reading, |scheduler, rules, records| scheduler.look(rules, records, now_us))?;
        if look.claimed > 0 {
            fail::fail_point!("schedule::claimed");
        }
        let mut next_us = look.next_us.unwrap_or(i64::MAX).min(now_us + LONGEST_US);
        if self.scheduler().unrecorded() > 0 || self.history.is_holding_back() {
            next_us = next_us.min(now_us + RECORD_AGAIN_US);
        }
        if look.waiting.is_empty() || self.closing.is_cancelled() {
            return self.begin(&reading, vec![], None).map(|()| next_us);
        }
        let Some(pass) = self.enter().await? else { return Ok(next_us.min(now_us + KNOCK_US)) };
        self.begin(&reading, look.waiting, Some(&pass))?;
        Ok(next_us)
    }

    /// Begins those of the waiting jobs that there is room for.
    fn begin(self: &Arc<Self>, reading: &Arc<Reading>, waiting: Vec<Job>, pass: Option<&Pass>) -> Result<()> {
        let now_us = self.now();
        let begin = self.with_scheduler(reading, |scheduler, rules, records| {
            scheduler.begin(rules, records, waiting, now_us, &mut || ulid::Ulid::new().to_string())
        });
        if let (Some(pass), [_, ..]) = (pass, begin.runs.as_slice()) {
            fail::fail_point!("schedule::begun");
            for (job, id) in begin.runs {
                let run = run_info(id, now_us, job.interval_us(now_us));
                self.tasks.spawn(job::work(self.clone(), job, run, pass.clone()));
            }
            self.beat();
        }
        begin.error.map_or(Ok(()), Err)
    }

    /// Tells the scheduler how the run of a job ended.
    pub(super) fn finish(&self, job: Job, run: String, outcome: Outcome) {
        let (now_us, id) = (self.now(), job.id);
        let done = self.with_scheduler(&self.reading(), |scheduler, rules, records| {
            scheduler.finish(rules, records, (job, run), outcome, now_us)
        });
        if let Err(error) = done {
            tracing::error!(%error, job = id, "the end of a job is not recorded yet; it is tried again");
        }
    }

    /// Lends the scheduler, with what the project says and the target's records.
    fn with_scheduler<T>(
        &self,
        reading: &Reading,
        work: impl FnOnce(&mut crate::schedule::scheduler::Scheduler, &Rules<'_>, &TargetRecords<'_>) -> T,
    ) -> T {
        let footprint = |job: &Job| job::footprint(&self.history, reading, job);
        let project = &reading.project;
        let rules =
            Rules { schedules: &project.schedules, times: &reading.times, room: room(reading), footprint: &footprint };
        let records = TargetRecords { history: &self.history, target: project.target.as_str() };
        work(&mut self.scheduler(), &rules, &records)
    }

    /// Takes the run lock, or shares it; `None` while another process is at work.
    pub(super) async fn enter(&self) -> Result<Option<Pass>> {
        let _one_at_a_time = self.entering.lock().await;
        Ok(match self.run_lock.enter()? {
            super::shared_lock::Entered::Blocked => None,
            super::shared_lock::Entered::Clean(pass) => Some(pass),
            super::shared_lock::Entered::Stale(pass) => {
                self.history.interrupt_dead_runs()?;
                let runner = self.reading().runner.clone();
                if timeout(PATIENCE, runner.recover()).await.is_err() {
                    tracing::warn!("leftovers of earlier runs could not be removed in time");
                }
                Some(pass)
            }
        })
    }
}

pub(super) fn room(reading: &Reading) -> Room {
    let settings = &reading.project.settings;
    Room { runs: settings.limits.runs, by_connection: settings.runs_by_connection.clone() }
}
