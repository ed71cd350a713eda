//! What schedules would do, in virtual time.

use super::{
    Tick,
    due::{Move, Standing, decide},
    times::Times,
};
use engine_language::{
    config::schedule::{Missed, Schedule, Trigger},
    name::Name,
};
use std::collections::{BTreeMap, BTreeSet};

/// More runs than this are not simulated.
pub const MOST: usize = 1_000_000;

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
    /// How long the run of a schedule takes that begins then, in microseconds.
    pub took: &'a dyn Fn(&Name, i64) -> i64,
    /// When the service is down: disjoint, in order. A run under way is cut off and begun again afterwards.
    pub down: &'a [(i64, i64)],
    /// Up to where ticks were settled before it began; a schedule that is not in it was never looked at.
    pub settled: BTreeMap<Name, i64>,
}

/// A run of the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// Its schedule.
    pub schedule: Name,
    /// What it stands for.
    pub tick: Tick,
    /// When it began.
    pub started_us: i64,
    /// When it ended, well or cut off.
    pub ended_us: i64,
    /// Whether the service went down under it.
    pub cut: bool,
}

impl Simulation<'_> {
    /// All runs in the order in which they began, those of `continuous` schedules aside.
    pub fn run(&self) -> Vec<Simulated> {
        let mut world = World::new(self);
        while world.done.len() + world.working.len() < MOST && world.step() {}
        let mut done = world.done;
        done.extend(world.working);
        done.sort_by(|a, b| (a.started_us, &a.schedule).cmp(&(b.started_us, &b.schedule)));
        done
    }

    fn down_at(&self, at_us: i64) -> Option<(i64, i64)> {
        self.down.iter().copied().find(|(from, to)| (*from..*to).contains(&at_us))
    }
}

/// How things stand at an instant.
struct World<'a> {
    plan: &'a Simulation<'a>,
    now: i64,
    times: BTreeMap<&'a Name, Times>,
    standing: BTreeMap<&'a Name, Standing>,
    /// Until when nothing is due, of schedules that were looked at since something happened to them.
    quiet_until: BTreeMap<&'a Name, i64>,
    /// Ticks that are to run: cut off, or waiting for room or for the schedule they come after.
    waiting: Vec<(&'a Name, Tick)>,
    working: Vec<Simulated>,
    done: Vec<Simulated>,
}

impl<'a> World<'a> {
    fn new(plan: &'a Simulation<'a>) -> Self {
        let schedules = plan.schedules;
        let standing = |name: &'a Name| {
            let settled_us = plan.settled.get(name).copied();
            (name, Standing { settled_us, ready_us: plan.from_us })
        };
        Self {
            plan,
            now: plan.from_us,
            times: schedules.iter().map(|(name, schedule)| (name, Times::of(&schedule.trigger))).collect(),
            standing: schedules.keys().map(standing).collect(),
            quiet_until: BTreeMap::new(),
            waiting: vec![],
            working: vec![],
            done: vec![],
        }
    }

    /// Does what is to be done now, and goes on to the next instant; false at the end.
    fn step(&mut self) -> bool {
        if let Some((_, up)) = self.plan.down_at(self.now) {
            self.go_down(up);
        } else {
            self.end();
            let next = self.look();
            self.start();
            let ends = self.working.iter().map(|run| run.ended_us).min();
            let down = self.plan.down.iter().map(|(from, _)| *from).find(|from| *from > self.now);
            let Some(next) = next.into_iter().chain(ends).chain(down).min() else { return false };
            self.now = next;
        }
        self.now < self.plan.until_us
    }

    fn go_down(&mut self, up: i64) {
        self.end();
        for mut run in std::mem::take(&mut self.working) {
            let name = self.plan.schedules.get_key_value(&run.schedule).expect("it was simulated").0;
            self.waiting.push((name, run.tick));
            (run.cut, run.ended_us) = (true, self.now);
            self.done.push(run);
        }
        self.standing.values_mut().for_each(|standing| standing.ready_us = up);
        self.quiet_until.clear();
        self.now = up;
    }

    /// Ends the runs that are over, and wakes what comes after them.
    fn end(&mut self) {
        let (over, working) = std::mem::take(&mut self.working).into_iter().partition(|run| run.ended_us <= self.now);
        self.working = working;
        for run in over {
            let after = self.plan.schedules.iter().filter(|(_, schedule)| comes_after(schedule, &run.schedule));
            for (name, schedule) in after {
                wake(&mut self.waiting, name, schedule.missed, run.tick);
            }
            self.standing.get_mut(&run.schedule).expect("it is known").ready_us = run.ended_us;
            self.quiet_until.remove(&run.schedule);
            self.done.push(run);
        }
    }

    /// Looks at every free schedule; answers when the next one is due.
    fn look(&mut self) -> Option<i64> {
        let working = self.working.iter().map(|run| run.schedule.as_str());
        let busy: BTreeSet<&str> = working.chain(self.waiting.iter().map(|(name, _)| name.as_str())).collect();
        let free: Vec<&Name> = self.times.keys().copied().filter(|name| !busy.contains(name.as_str())).collect();
        let mut next: Option<i64> = None;
        for name in free {
            let quiet = self.quiet_until.get(name).copied().filter(|until| *until > self.now);
            next = next.into_iter().chain(quiet.or_else(|| self.look_at(name))).min();
        }
        next
    }

    /// Looks at one; answers when it is due next, if nothing is due now.
    fn look_at(&mut self, name: &'a Name) -> Option<i64> {
        let standing = self.standing.get_mut(name).expect("it is known");
        loop {
            match decide(&self.times[name], self.plan.schedules[name].missed, *standing, self.now) {
                Move::Wait(until) => {
                    self.quiet_until.insert(name, until.unwrap_or(i64::MAX));
                    return until;
                }
                Move::LetGo(until) => standing.settled_us = Some(until),
                Move::Run(tick) => {
                    standing.settled_us = Some(tick.at_us);
                    self.waiting.push((name, tick));
                    return None;
                }
            }
        }
    }

    fn start(&mut self) {
        let mut left = vec![];
        for (name, tick) in std::mem::take(&mut self.waiting) {
            let busy = self.working.iter().any(|run| run.schedule == *name);
            if busy || self.working.len() >= self.plan.runs {
                left.push((name, tick));
                continue;
            }
            let took = (self.plan.took)(name, self.now).max(1);
            let ended_us = self.now + took;
            self.working.push(Simulated { schedule: name.clone(), tick, started_us: self.now, ended_us, cut: false });
        }
        self.waiting = left;
    }
}

fn comes_after(schedule: &Schedule, other: &Name) -> bool {
    matches!(&schedule.trigger, Trigger::After(name) if name.value == *other)
}

/// Wakes a schedule that comes after another one. Unless each is wanted, one that still waits stands for both.
fn wake<'a>(waiting: &mut Vec<(&'a Name, Tick)>, name: &'a Name, missed: Missed, tick: Tick) {
    let there = waiting.iter_mut().find(|(waiting, _)| *waiting == name);
    match there.filter(|_| missed != Missed::All) {
        Some((_, there)) => {
            *there = Tick { at_us: there.at_us.max(tick.at_us), from_us: there.from_us.min(tick.from_us) };
        }
        None => waiting.push((name, tick)),
    }
}
