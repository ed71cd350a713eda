//! Records in memory, for virtual time.

use super::{
    record::{Cause, Job, JobState, NewJob, RunEnd, ScheduleRecord},
    store::{Applied, Change, Store},
};
use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

/// Records that are gone with the value.
#[derive(Debug, Default)]
pub struct MemoryStore(RefCell<Records>);

#[derive(Clone, Debug, Default)]
struct Records {
    schedules: BTreeMap<String, ScheduleRecord>,
    open: BTreeMap<i64, Job>,
    jobs: i64,
}

impl MemoryStore {
    /// Schedules that are met at that time, each with the time up to which its ticks were decided.
    pub fn new(schedules: impl IntoIterator<Item = (String, Option<i64>)>, now_us: i64) -> Self {
        let record = |decided_us| ScheduleRecord { decided_us, ready_us: now_us, paused: None };
        let schedules = schedules.into_iter().map(|(name, decided_us)| (name, record(decided_us))).collect();
        Self(RefCell::new(Records { schedules, ..Records::default() }))
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn schedules(&self) -> Result<BTreeMap<String, ScheduleRecord>, Infallible> {
        Ok(self.0.borrow().schedules.clone())
    }

    fn open_jobs(&self) -> Result<Vec<Job>, Infallible> {
        Ok(self.0.borrow().open.values().cloned().collect())
    }

    fn run_end(&self, _run: &str) -> Result<Option<RunEnd>, Infallible> {
        Ok(None)
    }

    fn apply(&self, changes: &[Change], now_us: i64) -> Result<Applied, Infallible> {
        let mut records = self.0.borrow_mut();
        if let Some(at) = changes.iter().position(|change| !records.fits(change)) {
            return Ok(Applied::Stale(at));
        }
        for change in changes {
            records.apply(change, now_us);
        }
        Ok(Applied::All)
    }
}

impl Records {
    fn fits(&self, change: &Change) -> bool {
        let job = |id: &i64| self.open.get(id);
        let waits = |id: &i64| job(id).is_some_and(|job| job.state == JobState::Waiting);
        match change {
            Change::Decide { schedule, from_us, .. } => {
                self.schedules.get(schedule).is_some_and(|record| record.decided_us == *from_us)
            }
            Change::Extend { job: id, .. } => waits(id) && job(id).is_some_and(|job| job.run.is_none()),
            Change::Begin { job, .. } | Change::Withdraw { job, .. } => waits(job),
            Change::End { job: id, run, .. } => {
                job(id).is_some_and(|job| job.state == JobState::Running && job.run == *run)
            }
            _ => true,
        }
    }

    fn apply(&mut self, change: &Change, now_us: i64) {
        match change {
            Change::Decide { schedule, to_us, .. } => {
                self.on_schedule(schedule, |record| record.decided_us = Some(*to_us));
            }
            Change::Ready { schedule, at_us } => self.on_schedule(schedule, |record| record.ready_us = *at_us),
            Change::AllReady { at_us } => {
                self.schedules.values_mut().for_each(|record| record.ready_us = record.ready_us.max(*at_us));
            }
            Change::Add(new) => self.add(new, now_us),
            Change::Extend { job, tick } => self.on_job(*job, |job| job.tick = job.tick.joined(*tick)),
            Change::Begin { job, run } => self.on_job(*job, |job| {
                (job.state, job.run) = (JobState::Running, Some(run.clone()));
                job.started_us = job.started_us.or(Some(now_us));
            }),
            Change::End { job, end, .. } => {
                self.on_job(*job, |job| {
                    (job.state, job.ready_us) = (end.state(), end.ready_us(now_us));
                    job.failures += u32::from(end.is_failure());
                    job.cuts += u32::from(end.is_cut());
                });
                self.open.retain(|_, job| job.state.is_open());
            }
            Change::Withdraw { job, .. } => drop(self.open.remove(job)),
            Change::Late { job } => self.on_job(*job, |job| job.late = true),
            Change::AddEnded { .. } | Change::Alert { .. } => {}
        }
    }

    fn on_schedule(&mut self, name: &str, change: impl FnOnce(&mut ScheduleRecord)) {
        if let Some(record) = self.schedules.get_mut(name) {
            change(record);
        }
    }

    fn on_job(&mut self, id: i64, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.open.get_mut(&id) {
            change(job);
        }
    }

    fn add(&mut self, new: &NewJob, now_us: i64) {
        self.jobs += 1;
        let NewJob { schedule, cause, batch, tick, request, asked_by } = new.clone();
        let job = Job {
            id: self.jobs,
            schedule,
            cause,
            batch,
            tick,
            request,
            asked_by,
            state: JobState::Waiting,
            ready_us: now_us,
            failures: 0,
            cuts: 0,
            late: false,
            run: None,
            started_us: None,
            ended_us: None,
            reason: None,
        };
        debug_assert!(cause != Cause::Due || job.schedule.is_some(), "a job that is due has a schedule");
        self.open.insert(job.id, job);
    }
}
