//! What the scheduler does when time has not passed evenly: it was not called for long, or the clock was set.

use super::Scheduler;
use crate::schedule::{
    record::{Cause, Job, JobState, ScheduleRecord},
    store::{Change, Store},
};
use std::collections::BTreeMap;

/// A scheduler that was not called for so long was asleep: ticks of that time were missed.
const ASLEEP_US: i64 = 60_000_000;
/// A clock that is set back by less than this is waited for; no tick is repeated.
pub(super) const SMALL_STEP_US: i64 = 300_000_000;

impl Scheduler {
    /// Records that nothing could run until now, if this is the first call or the first after a long time.
    pub(super) fn note_absence<S: Store>(&mut self, store: &S, now_us: i64) -> Result<(), S::Error> {
        match self.looked_us {
            Some(looked_us) if now_us < looked_us => self.next_due.clear(),
            Some(looked_us) if now_us - looked_us <= ASLEEP_US => {}
            _ => {
                let _ = store.apply(&[Change::AllReady { at_us: now_us }], now_us)?;
            }
        }
        Ok(())
    }

    /// Takes back what a clock that was ahead decided for times that have not come: else the schedule would stand still until
    /// they do. Answers how the schedules stand.
    pub(super) fn forget_future<S: Store>(
        store: &S,
        jobs: &[Job],
        now_us: i64,
    ) -> Result<BTreeMap<String, ScheduleRecord>, S::Error> {
        let records = store.schedules()?;
        let changes: Vec<Change> =
            records.iter().flat_map(|(name, record)| taken_back(name, record, jobs, now_us)).collect();
        if changes.is_empty() {
            return Ok(records);
        }
        let _ = store.apply(&changes, now_us)?;
        store.schedules()
    }
}

fn taken_back(name: &str, record: &ScheduleRecord, jobs: &[Job], now_us: i64) -> Vec<Change> {
    let schedule = name.to_owned();
    let mut changes = vec![];
    if record.ready_us > now_us {
        changes.push(Change::Ready { schedule: schedule.clone(), at_us: now_us });
    }
    let Some(decided_us) = record.decided_us.filter(|at_us| *at_us > now_us.saturating_add(SMALL_STEP_US)) else {
        return changes;
    };
    let of_future = |job: &&Job| {
        let due = job.cause == Cause::Due && job.schedule.as_deref() == Some(name);
        due && job.state == JobState::Waiting && job.tick.at_us > now_us
    };
    let withdrawn: Vec<&Job> = jobs.iter().filter(of_future).collect();
    // A job that has not begun may stand for ticks of the past, too: those come again.
    let to_us = withdrawn.iter().map(|job| job.tick.from_us).chain([now_us]).min().unwrap_or(now_us);
    tracing::warn!(schedule = name, "the clock was ahead: what it decided for times that have not come is taken back");
    changes.push(Change::Decide { schedule, from_us: Some(decided_us), to_us });
    let reason = || "its time has not come: the clock was ahead".to_owned();
    changes.extend(withdrawn.iter().map(|job| Change::Withdraw { job: job.id, reason: reason() }));
    changes
}
