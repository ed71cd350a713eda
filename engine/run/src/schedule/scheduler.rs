//! The scheduler: which runs begin, and what becomes of a job when its run is over.
//!
//! It knows no clock, no file and no thread: the time and a [`Store`] are given to it. `serve` drives it with the machine's
//! clock and `state.db`, the simulation with a virtual clock and records in memory.

mod clock_steps;
mod due_ticks;
mod job_ends;

pub use job_ends::{Outcome, record_run};

use super::{
    admission::{Candidate, Footprint, Rank, Room},
    backoff,
    in_flight::{InFlight, RunKey},
    record::{Cause, Job, JobState, ScheduleRecord},
    store::{Applied, Change, Store},
    times::Times,
};
use engine_language::{config::schedule::Schedule, name::Name};
use job_ends::Ended;
use std::collections::BTreeMap;

/// What a project says of its schedules and of the room that their runs have.
pub struct Rules<'a> {
    /// The schedules.
    pub schedules: &'a BTreeMap<Name, Schedule>,
    /// When each of them is due.
    pub times: &'a BTreeMap<Name, Times>,
    /// How many runs there may be at once.
    pub room: Room,
    /// What a job's run makes and touches.
    pub footprint: &'a dyn Fn(&Job) -> Footprint,
}

impl Rules<'_> {
    fn schedule_of(&self, job: &Job) -> Option<&Schedule> {
        self.schedules.get(job.schedule.as_deref()?)
    }
}

/// What a look at the records found.
#[derive(Debug, Default)]
pub struct Look {
    /// The jobs that may begin as soon as there is room.
    pub waiting: Vec<Job>,
    /// How many ticks became jobs.
    pub claimed: usize,
    /// When something is due next, if nothing else happens.
    pub next_us: Option<i64>,
}

impl Look {
    fn again_at(&mut self, at_us: impl IntoIterator<Item = i64>) {
        self.next_us = self.next_us.into_iter().chain(at_us).min();
    }
}

/// What begins now.
#[derive(Debug)]
pub struct Begin<E> {
    /// The jobs, each with the id of its new run; the job itself still knows the one before.
    pub runs: Vec<(Job, String)>,
    /// Why not all that were admitted could begin.
    pub error: Option<E>,
}

/// What the scheduler knows beyond the records: what is at work in this process.
#[derive(Debug, Default)]
pub struct Scheduler {
    in_flight: InFlight,
    /// Ends of runs that could not be recorded yet.
    unrecorded: BTreeMap<i64, Ended>,
    /// Before when nothing of a schedule is due, of those that were looked at.
    next_due: BTreeMap<Name, i64>,
    /// When the records were last looked at with success.
    looked_us: Option<i64>,
    /// Whether the jobs of a process before this one were settled.
    recovered: bool,
}

impl Scheduler {
    /// Brings the records up to that time, and answers which jobs may begin. It may be called again after an error.
    pub fn look<S: Store>(&mut self, rules: &Rules<'_>, store: &S, now_us: i64) -> Result<Look, S::Error> {
        self.note_absence(store, now_us)?;
        // What cannot be recorded now is tried again at the next look; the other schedules go on.
        let _ = self.record_ends(rules, store, now_us);
        let jobs = self.settle_orphans(rules, store, now_us)?;
        let records = Self::forget_future(store, &jobs, now_us)?;
        let mut look = Look::default();
        self.claim(rules, store, &records, &mut look, now_us)?;
        let jobs = store.open_jobs()?;
        Self::tell_late(rules, store, &jobs, &mut look, now_us)?;
        Self::find_waiting(rules, &records, jobs, &mut look, now_us);
        self.looked_us = Some(now_us);
        Ok(look)
    }

    /// Begins those of the waiting jobs that there is room for, each with a run of a new id.
    pub fn begin<S: Store>(
        &mut self,
        rules: &Rules<'_>,
        store: &S,
        waiting: Vec<Job>,
        now_us: i64,
        new_id: &mut dyn FnMut() -> String,
    ) -> Begin<S::Error> {
        let candidates = waiting.iter().map(|job| candidate(rules, job)).collect();
        let admitted = self.in_flight.admit(candidates, &rules.room);
        let mut begin = Begin { runs: vec![], error: None };
        for job in waiting.into_iter().filter(|job| admitted.contains(&job.into())) {
            let key = RunKey::from(&job);
            let run = new_id();
            let change = Change::Begin { job: job.id, run: run.clone() };
            // After one error the others are not tried: they are looked at again.
            let begun = if begin.error.is_none() { store.apply(&[change], now_us) } else { Ok(Applied::Stale(0)) };
            match begun {
                Ok(Applied::All) => begin.runs.push((job, run)),
                Ok(Applied::Stale(_)) => self.in_flight.remove(&key),
                Err(error) => {
                    self.in_flight.remove(&key);
                    begin.error = Some(error);
                }
            }
        }
        begin
    }

    /// Admits one more look at a continuous schedule, unless it has to wait for others.
    pub fn admit_continuous(&mut self, name: &Name, footprint: Footprint, room: &Room, now_us: i64) -> bool {
        let (key, schedule) = (RunKey::Continuous(name.clone()), Some(name.clone()));
        self.in_flight.admit_one(Candidate { key, schedule, rank: Rank::Continuous, due_us: now_us, footprint }, room)
    }

    /// Makes room for others: a look at a continuous schedule is over.
    pub fn leave_continuous(&mut self, name: &Name) {
        self.in_flight.remove(&RunKey::Continuous(name.clone()));
    }

    /// Forgets what was known of schedules: the project is another.
    pub fn reload(&mut self) {
        self.next_due.clear();
    }

    /// How many runs are over whose end is not recorded yet.
    pub fn unrecorded(&self) -> usize {
        self.unrecorded.len()
    }

    /// Says which jobs should have succeeded by now.
    fn tell_late<S: Store>(
        rules: &Rules<'_>,
        store: &S,
        jobs: &[Job],
        look: &mut Look,
        now_us: i64,
    ) -> Result<(), S::Error> {
        for job in jobs.iter().filter(|job| may_be_late(job)) {
            let Some(late) = rules.schedule_of(job).and_then(|schedule| schedule.late) else { continue };
            let at_us = job.tick.at_us.saturating_add(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
            if at_us > now_us {
                look.again_at([at_us]);
                continue;
            }
            let alert = Change::Alert {
                schedule: job.schedule.clone().unwrap_or_default(),
                job: Some(job.id),
                run: job.run.clone(),
                kind: "late",
                reason: format!("not done {} after it was due", humantime::format_duration(late)),
            };
            let _ = store.apply(&[Change::Late { job: job.id }, alert], now_us)?;
        }
        Ok(())
    }

    fn find_waiting(
        rules: &Rules<'_>,
        records: &BTreeMap<String, ScheduleRecord>,
        jobs: Vec<Job>,
        look: &mut Look,
        now_us: i64,
    ) {
        for job in jobs.into_iter().filter(|job| job.state == JobState::Waiting) {
            let record = job.schedule.as_ref().and_then(|name| records.get(name));
            let by_itself = matches!(job.cause, Cause::Due | Cause::After);
            if by_itself && record.is_some_and(|record| record.paused.is_some()) {
                continue;
            }
            let retries = rules.schedule_of(&job).map(|schedule| schedule.retries).unwrap_or_default();
            let longest = i64::try_from(backoff::longest(retries.wait).as_micros()).unwrap_or(i64::MAX);
            // No wait is so long: a clock that was ahead recorded it.
            let ahead = job.ready_us > now_us.saturating_add(longest);
            if job.ready_us > now_us && !ahead {
                look.again_at([job.ready_us]);
                continue;
            }
            look.waiting.push(job);
        }
    }
}

/// A retry of an old interval was late before it began, and a backfill has no time to keep.
fn may_be_late(job: &Job) -> bool {
    !job.late && job.cause != Cause::Backfill && job.request.retry_of.is_none()
}

fn candidate(rules: &Rules<'_>, job: &Job) -> Candidate<RunKey> {
    let rank = match job.cause {
        Cause::Hand => Rank::Hand,
        Cause::Due | Cause::After => Rank::Due,
        Cause::Backfill => Rank::Backfill,
    };
    let schedule = job.schedule.as_deref().map(Name::new);
    Candidate { key: job.into(), schedule, rank, due_us: job.tick.at_us, footprint: (rules.footprint)(job) }
}
