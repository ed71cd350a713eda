//! What schedules do in virtual time: the scheduler itself, driven by a clock that jumps from one event to the next.

use super::{
    Tick,
    admission::{Footprint, Room},
    record::Job,
    scheduler::{Outcome, Rules, Scheduler},
    store::Store,
    times::Times,
};
use engine_language::{config::schedule::Schedule, name::Name};
use std::collections::BTreeMap;

/// More runs than this are not simulated.
pub const MOST: usize = 1_000_000;
/// Records that could not be read or written are tried again after so long.
const AGAIN_US: i64 = 1_000_000;

/// What is simulated.
pub struct Simulation<'a> {
    /// The schedules.
    pub schedules: &'a BTreeMap<Name, Schedule>,
    /// When it begins.
    pub from_us: i64,
    /// When it ends.
    pub until_us: i64,
    /// Runs at once.
    pub runs: usize,
    /// When the service is down: disjoint, in order. A run under way is cut off.
    pub down: &'a [(i64, i64)],
    /// What is around the service.
    pub world: &'a dyn World,
}

/// What is around the service: how long runs take and how they end, what the clock says, who comes by.
pub trait World {
    /// How long the run of a schedule takes that begins then, in microseconds.
    fn took_us(&self, schedule: &Name, at_us: i64) -> i64;

    /// How the run of a job ends.
    fn outcome(&self, job: &Job, at_us: i64) -> Outcome {
        let _ = (job, at_us);
        Outcome::Succeeded
    }

    /// Takes note that a run ended by itself, before the scheduler does.
    fn ended(&self, run: &str, outcome: &Outcome) {
        let _ = (run, outcome);
    }

    /// What the machine's clock says at a time.
    fn clock_us(&self, at_us: i64) -> i64 {
        at_us
    }

    /// What comes to pass at a time before the schedules are looked at; answers when something comes next.
    fn come(&self, at_us: i64) -> Option<i64> {
        let _ = at_us;
        None
    }

    /// Whether the process died since it was last asked.
    fn died(&self) -> bool {
        false
    }
}

/// A run of the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// Its schedule.
    pub schedule: Name,
    /// Its job.
    pub job: i64,
    /// What it stands for.
    pub tick: Tick,
    /// When it began.
    pub started_us: i64,
    /// When it ended, well or cut off.
    pub ended_us: i64,
    /// How it ended by itself; `None` if it did not.
    pub outcome: Option<Outcome>,
    /// Whether the service went down under it.
    pub cut: bool,
}

impl Simulation<'_> {
    /// All runs in the order in which they began, those of `continuous` schedules aside.
    pub fn run<S: Store>(&self, store: &S) -> Vec<Simulated> {
        let schedules = self.schedules.iter();
        let times = schedules.map(|(name, schedule)| (name.clone(), Times::of(&schedule.trigger))).collect();
        let mut driver = Driver {
            plan: self,
            store,
            times,
            now_us: self.from_us,
            scheduler: Scheduler::default(),
            working: vec![],
            done: vec![],
            ids: 0,
        };
        while driver.done.len() + driver.working.len() < MOST && driver.now_us < self.until_us && driver.step() {}
        let mut done = driver.done;
        done.extend(driver.working.into_iter().map(|working| working.run));
        done.sort_by(|a, b| (a.started_us, &a.schedule).cmp(&(b.started_us, &b.schedule)));
        done
    }

    fn down_at(&self, at_us: i64) -> Option<i64> {
        self.down.iter().find(|(from_us, to_us)| (*from_us..*to_us).contains(&at_us)).map(|(_, to_us)| *to_us)
    }
}

/// A run at work.
struct Working {
    run: Simulated,
    id: String,
    job: Job,
}

struct Driver<'a, S> {
    plan: &'a Simulation<'a>,
    store: &'a S,
    times: BTreeMap<Name, Times>,
    now_us: i64,
    scheduler: Scheduler,
    working: Vec<Working>,
    done: Vec<Simulated>,
    ids: u64,
}

impl<S: Store> Driver<'_, S> {
    /// Does what is to be done now, and goes on to the next instant; false if there is none.
    fn step(&mut self) -> bool {
        let comes_us = self.plan.world.come(self.now_us);
        if let Some(up_us) = self.plan.down_at(self.now_us) {
            self.end_runs();
            self.die();
            self.now_us = up_us;
            return true;
        }
        self.end_runs();
        let next_us = self.look();
        if self.plan.world.died() {
            self.die();
            self.now_us += 1;
            return true;
        }
        let ends = self.working.iter().map(|working| working.run.ended_us);
        let down = self.plan.down.iter().map(|(from_us, _)| *from_us).filter(|from_us| *from_us > self.now_us);
        let all = next_us.into_iter().chain(ends).chain(down.min()).chain(comes_us);
        let Some(next_us) = all.min() else { return false };
        self.now_us = next_us.max(self.now_us + 1);
        true
    }

    /// The process ends: what only it knew is gone.
    fn die(&mut self) {
        for Working { mut run, .. } in std::mem::take(&mut self.working) {
            (run.ended_us, run.cut) = (self.now_us, true);
            self.done.push(run);
        }
        self.scheduler = Scheduler::default();
    }

    fn end_runs(&mut self) {
        let (over, working) =
            std::mem::take(&mut self.working).into_iter().partition(|w| w.run.ended_us <= self.now_us);
        self.working = working;
        let world = self.plan.world;
        for Working { mut run, id, job } in over {
            let outcome = world.outcome(&job, run.started_us);
            world.ended(&id, &outcome);
            run.outcome = Some(outcome.clone());
            self.done.push(run);
            let clock_us = world.clock_us(self.now_us);
            // What could not be recorded is recorded by a later look.
            let _ = self
                .with_scheduler(|scheduler, rules, store| scheduler.finish(rules, store, (job, id), outcome, clock_us));
        }
    }

    /// Looks at the records and begins what may begin; answers when to look again.
    fn look(&mut self) -> Option<i64> {
        let (now_us, clock_us) = (self.now_us, self.plan.world.clock_us(self.now_us));
        let again_us = Some(now_us + AGAIN_US);
        let looked = self.with_scheduler(|scheduler, rules, store| scheduler.look(rules, store, clock_us));
        let Ok(look) = looked else { return again_us };
        let mut ids = self.ids;
        let mut new_id = || {
            ids += 1;
            format!("run {ids}")
        };
        let begin = self.with_scheduler(|scheduler, rules, store| {
            scheduler.begin(rules, store, look.waiting, clock_us, &mut new_id)
        });
        self.ids = ids;
        let failed = begin.error.is_some() || self.scheduler.unrecorded() > 0;
        for (job, id) in begin.runs {
            let schedule = Name::new(job.schedule.clone().unwrap_or_default());
            let ended_us = now_us + self.plan.world.took_us(&schedule, now_us).max(1);
            let tick = job.tick;
            let run =
                Simulated { schedule, job: job.id, tick, started_us: now_us, ended_us, outcome: None, cut: false };
            self.working.push(Working { run, id, job });
        }
        let next_us = look.next_us.map(|next_us| now_us.saturating_add(next_us.saturating_sub(clock_us)));
        next_us.into_iter().chain(again_us.filter(|_| failed)).min()
    }

    fn with_scheduler<T>(&mut self, work: impl FnOnce(&mut Scheduler, &Rules<'_>, &S) -> T) -> T {
        let room = Room { runs: self.plan.runs, by_connection: BTreeMap::new() };
        let footprint = |_: &Job| Footprint::default();
        let rules = Rules { schedules: self.plan.schedules, times: &self.times, room, footprint: &footprint };
        work(&mut self.scheduler, &rules, self.store)
    }
}
