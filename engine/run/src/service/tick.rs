//! One look at all schedules: what is due is claimed, what may begin begins.

use super::{Inner, Reading, job, run_info, shared_lock::Pass};
use crate::{
    error::Result,
    history::{
        jobs::{Cause, Job},
        schedules::ScheduleRecord,
    },
    schedule::{
        Tick,
        admission::{Candidate, Rank, Room},
        due::{Move, Standing, decide},
        times::Times,
    },
};
use engine_language::name::Name;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

/// Schedules are looked at at least so often: the clock may be set while we wait.
const LONGEST_US: i64 = 10_000_000;
/// How often to ask whether another process has ended its run.
const KNOCK_US: i64 = 100_000;
/// Removing what others left behind may take so long; what could not be removed is removed another time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one look goes by.
struct Look {
    now: i64,
    target: String,
    reading: Arc<Reading>,
    records: BTreeMap<String, ScheduleRecord>,
    jobs: Vec<Job>,
    /// When to look again.
    next: i64,
}

impl Look {
    fn again(&mut self, at: Option<i64>) {
        self.next = self.next.min(at.unwrap_or(i64::MAX));
    }

    fn paused(&self, schedule: &str) -> bool {
        self.records.get(schedule).is_some_and(|record| record.paused.is_some())
    }
}

impl Inner {
    /// Claims what is due and begins what may begin; answers when to look again.
    pub(super) async fn tick(self: &Arc<Self>) -> Result<i64> {
        let (now, reading) = (self.now(), self.reading());
        let target = reading.project.target.as_str().to_owned();
        let (records, jobs) = (self.history.schedules(&target)?, self.history.open_jobs(&target)?);
        let mut look = Look { now, target, reading, records, jobs, next: now + LONGEST_US };
        let due = self.due(&mut look)?;
        if !due.is_empty() {
            self.history.claim(&look.target, &due, now)?;
            fail::fail_point!("schedule::claimed");
            look.jobs = self.history.open_jobs(&look.target)?;
        }
        self.tell_late(&mut look)?;
        self.begin(&mut look).await?;
        Ok(look.next)
    }

    /// Says which jobs should have succeeded by now.
    fn tell_late(&self, look: &mut Look) -> Result<()> {
        for job in look.jobs.clone().iter().filter(|job| !job.late && job.cause != Cause::Backfill) {
            let schedule = job.schedule.as_deref().and_then(|name| look.reading.project.schedules.get(name));
            let Some(late) = schedule.and_then(|schedule| schedule.late) else { continue };
            let at = job.tick.at_us.saturating_add(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
            if at > look.now {
                look.again(Some(at));
                continue;
            }
            let said = format!("not done {} after it was due", humantime::format_duration(late));
            self.history.late(&look.target, job, &said, look.now)?;
            self.beat();
        }
        Ok(())
    }

    /// The ticks that are to run now; those that are let go are settled.
    fn due(&self, look: &mut Look) -> Result<Vec<(String, Tick)>> {
        let of_due = look.jobs.iter().filter(|job| job.cause == Cause::Due);
        let busy: BTreeSet<String> = of_due.filter_map(|job| job.schedule.clone()).collect();
        let reading = look.reading.clone();
        let mut due = vec![];
        for (name, times) in &reading.times {
            let Some(record) = look.records.get(name.as_str()) else { continue };
            if matches!(times, Times::Never) || record.paused.is_some() || busy.contains(name.as_str()) {
                continue;
            }
            if let Some(quiet) = self.next_due().get(name).copied().filter(|quiet| *quiet > look.now) {
                look.again(Some(quiet));
                continue;
            }
            let standing = Standing { settled_us: record.settled_us, ready_us: record.ready_us };
            due.extend(self.due_one(look, name, times, standing)?.map(|tick| (name.to_string(), tick)));
        }
        Ok(due)
    }

    fn due_one(&self, look: &mut Look, name: &Name, times: &Times, mut standing: Standing) -> Result<Option<Tick>> {
        let missed = look.reading.project.schedules[name].missed;
        loop {
            match decide(times, missed, standing, look.now) {
                Move::Run(tick) => return Ok(Some(tick)),
                Move::LetGo(until) => {
                    self.history.settle(&look.target, name.as_str(), until)?;
                    standing.settled_us = Some(until);
                }
                Move::Wait(next) => {
                    self.next_due().insert(name.clone(), next.unwrap_or(i64::MAX));
                    look.again(next);
                    return Ok(None);
                }
            }
        }
    }

    /// Begins the jobs that may begin.
    async fn begin(self: &Arc<Self>, look: &mut Look) -> Result<()> {
        let mut waiting = vec![];
        for job in look.jobs.clone() {
            let of_its_own = matches!(job.cause, Cause::Due | Cause::After);
            let paused = of_its_own && job.schedule.as_deref().is_some_and(|name| look.paused(name));
            if job.state != "waiting" || paused {
                continue;
            }
            if job.ready_us > look.now {
                look.again(Some(job.ready_us));
                continue;
            }
            waiting.push(job);
        }
        if waiting.is_empty() || self.closing.is_cancelled() {
            self.in_flight().admit(vec![], &Room::default());
            return Ok(());
        }
        let Some(pass) = self.enter().await? else {
            look.again(Some(look.now + KNOCK_US));
            return Ok(());
        };
        self.begin_admitted(look, &waiting, &pass)
    }

    fn begin_admitted(self: &Arc<Self>, look: &Look, waiting: &[Job], pass: &Pass) -> Result<()> {
        let candidates: Vec<Candidate<String>> = waiting.iter().map(|job| candidate(&look.reading, job)).collect();
        let admitted = self.in_flight().admit(candidates.clone(), &room(&look.reading));
        if admitted.is_empty() {
            return Ok(());
        }
        let begun: Vec<(&Job, &Candidate<String>)> =
            waiting.iter().zip(&candidates).filter(|(_, candidate)| admitted.contains(&candidate.key)).collect();
        let runs: Vec<_> = begun.iter().map(|(job, _)| run_info(look.now, interval(job, look.now))).collect();
        let ids: Vec<(i64, String)> = begun.iter().zip(&runs).map(|((job, _), run)| (job.id, run.id.clone())).collect();
        if let Err(error) = self.history.begin(&ids, look.now) {
            for key in &admitted {
                self.in_flight().leave(key);
            }
            return Err(error);
        }
        fail::fail_point!("schedule::begun");
        for ((job, _), run) in begun.into_iter().zip(runs) {
            self.tasks.spawn(job::work(self.clone(), job.clone(), run, pass.clone()));
        }
        self.beat();
        Ok(())
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

/// What a job is known by among those at work.
pub(super) fn key(job: &Job) -> String {
    format!("job {}", job.id)
}

fn candidate(reading: &Reading, job: &Job) -> Candidate<String> {
    let rank = match job.cause {
        Cause::Hand => Rank::Hand,
        Cause::Due | Cause::After => Rank::Due,
        Cause::Backfill => Rank::Backfill,
    };
    let schedule = job.schedule.as_deref().map(Name::new);
    Candidate { key: key(job), schedule, rank, due_us: job.tick.at_us, footprint: job::footprint(reading, job) }
}

pub(super) fn room(reading: &Reading) -> Room {
    let settings = &reading.project.settings;
    Room { runs: settings.limits.runs, by_connection: settings.runs_by_connection.clone() }
}

/// What a run stands for; by hand, no interval but its start.
fn interval(job: &Job, now: i64) -> (i64, i64) {
    if job.cause == Cause::Hand { (now, now) } else { (job.tick.from_us, job.tick.at_us) }
}
