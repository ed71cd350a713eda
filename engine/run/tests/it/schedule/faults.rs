//! The scheduler over `state.db`, with faults of the records between each two steps, crashes, clocks that jump either
//! way, and people who cancel and pause.

use super::{
    DAY, HOUR, MINUTE, SECOND, START, Varied,
    faulty::{Chance, Faulty},
    number, schedules,
};
use engine_language::{config::schedule::Schedule, name::Name};
use engine_run::{
    event::{Event, Listener as _},
    history::{History, Recorder, RunRequest, TargetRecords},
    report::RunOutcome,
    schedule::{
        memory_store::MemoryStore,
        record::{Job, JobState},
        scheduler::Outcome,
        simulate::{Simulated, Simulation, World},
        store::{Applied, Change, Store as _},
        times::Times,
    },
};
use proptest::{collection::vec, prelude::*};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    time::Duration,
};

const TEXT: &str = "\
[all]\nevery = \"1h\"\nmissed = \"all\"\nretries = { times = 3, wait = \"1m\" }\n\
[last]\ncron = \"20 */2 * * *\"\ntimezone = \"America/New_York\"\nretries = { times = 3, wait = \"1m\" }\n\
[none]\nevery = \"30m\"\nmissed = \"none\"\n\
[follows]\nafter = \"last\"\nmissed = \"all\"\n";
/// Faults, jumps and people come for so long; then there is time for what was missed.
const TROUBLE: i64 = 8 * DAY;
const QUIET: i64 = 12 * DAY;

/// What is around the service for a while.
struct Troubled<'a> {
    store: &'a Faulty<'a>,
    history: &'a Arc<History>,
    /// From when on the clock is so far from the time.
    clock: Vec<(i64, i64)>,
    /// When the disk is full.
    full: Vec<(i64, i64)>,
    chance: Chance,
    next: Cell<i64>,
}

impl Troubled<'_> {
    /// Somebody cancels a job that waits, pauses a schedule or lets it go on.
    fn somebody_comes(&self, at_us: i64) {
        let now_us = self.clock_us(at_us);
        let jobs = self.history.open_jobs("t").unwrap();
        let waiting: Vec<&Job> = jobs.iter().filter(|job| job.state == JobState::Waiting).collect();
        match self.chance.below(4) {
            0 if !waiting.is_empty() => {
                self.store.cancel(waiting[usize::try_from(self.chance.below(9)).unwrap() % waiting.len()].id, now_us);
            }
            1 => drop(self.history.pause("t", "last", "somebody", now_us).unwrap()),
            _ => drop(self.history.resume("t", "last", now_us).unwrap()),
        }
    }
}

impl World for Troubled<'_> {
    fn took_us(&self, schedule: &Name, at_us: i64) -> i64 {
        Varied(20 * MINUTE).took_us(schedule, at_us)
    }

    fn outcome(&self, job: &Job, at_us: i64) -> Outcome {
        let retried = matches!(job.schedule.as_deref(), Some("all" | "last"));
        let fails = retried && job.failures == 0 && number(&Name::new("fails"), at_us).is_multiple_of(5);
        if fails { Outcome::Failed("it failed".to_owned()) } else { Outcome::Succeeded }
    }

    fn ended(&self, run: &str, outcome: &Outcome) {
        let recorder = Recorder::new(self.history.clone(), RunRequest::default());
        let word = if *outcome == Outcome::Succeeded { RunOutcome::Succeeded } else { RunOutcome::Failed };
        let took = Duration::from_secs(1);
        recorder.hear(0, &Event::RunStarted { run: run.to_owned(), steps: 0 });
        recorder.hear(0, &Event::RunFinished { run: run.to_owned(), outcome: word, took });
    }

    fn clock_us(&self, at_us: i64) -> i64 {
        at_us + self.clock.iter().rev().find(|(from, _)| *from <= at_us).map_or(0, |(_, ahead)| *ahead)
    }

    fn come(&self, at_us: i64) -> Option<i64> {
        if at_us >= START + TROUBLE {
            self.store.percent.set(0);
            self.store.full.set(false);
            let _ = self.history.resume("t", "last", self.clock_us(at_us)).unwrap();
            return None;
        }
        self.store.full.set(self.full.iter().any(|(from, to)| (*from..*to).contains(&at_us)));
        if self.next.get() <= at_us {
            self.somebody_comes(at_us);
            self.next.set(at_us + HOUR + i64::try_from(self.chance.below(10)).unwrap() * HOUR);
        }
        Some(self.next.get().min(at_us + 10 * MINUTE))
    }

    fn died(&self) -> bool {
        self.store.died.replace(false)
    }
}

/// Points in time with a length each, one after the other, none of them beyond the trouble.
fn spread(pairs: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut at = START;
    let each = pairs.iter().map(|(after, value)| {
        at += after;
        (at, *value)
    });
    each.filter(|(at, _)| *at < START + TROUBLE).collect()
}

struct Played {
    runs: Vec<Simulated>,
    jobs: BTreeMap<String, Vec<Job>>,
    cancelled: Vec<i64>,
    hits: BTreeMap<&'static str, u64>,
    clock: Vec<(i64, i64)>,
}

fn play(seed: u64, percent: u64, mut clock: Vec<(i64, i64)>, full: &[(i64, i64)]) -> Played {
    let all = schedules(TEXT);
    let history = Arc::new(History::in_memory().unwrap());
    let records = met(&history, &all);
    let store = Faulty {
        records,
        chance: Chance::new(seed),
        percent: Cell::new(percent),
        full: Cell::new(false),
        died: Cell::new(false),
        cancelled: RefCell::default(),
        hits: RefCell::default(),
    };
    // At last the clock is right.
    clock.push((START + TROUBLE, 0));
    let full = full.iter().map(|(from, length)| (*from, from + length)).collect();
    let (chance, next) = (Chance::new(!seed), Cell::new(START));
    let world = Troubled { store: &store, history: &history, clock, full, chance, next };
    let until_us = START + TROUBLE + QUIET;
    let simulation = Simulation { schedules: &all, from_us: START, until_us, runs: 3, down: &[], world: &world };
    let runs = simulation.run(&store);
    let jobs = |name: &Name| (name.to_string(), history.jobs_of("t", name.as_str(), 100_000).unwrap());
    Played {
        runs,
        jobs: all.keys().map(jobs).collect(),
        cancelled: store.cancelled.take().into_iter().collect(),
        hits: store.hits.take(),
        clock: world.clock,
    }
}

/// The records of the schedules, decided up to the start.
fn met<'a>(history: &'a History, all: &BTreeMap<Name, Schedule>) -> TargetRecords<'a> {
    history.meet_schedules("t", &all.keys().map(|name| (name.to_string(), String::new())).collect(), START).unwrap();
    let records = TargetRecords { history, target: "t" };
    let decide = |name: &Name| Change::Decide { schedule: name.to_string(), from_us: None, to_us: START };
    let decided = records.apply(&all.keys().map(decide).collect::<Vec<_>>(), START).unwrap();
    assert_eq!(decided, Applied::All);
    records
}

impl Played {
    /// Whether a job came to an end that is one: done, cancelled by somebody, or cut off too often.
    fn is_over(&self, job: &Job) -> bool {
        match job.state {
            JobState::Succeeded => true,
            JobState::Failed => job.cuts == 2,
            JobState::Cancelled => self.cancelled.contains(&job.id),
            JobState::Waiting | JobState::Running | JobState::Interrupted => false,
        }
    }

    /// How often the clock was set back over a time.
    fn set_back_over(&self, at_us: i64) -> usize {
        let offsets: Vec<(i64, i64, i64)> = {
            let before = [0].into_iter().chain(self.clock.iter().map(|(_, ahead)| *ahead));
            self.clock.iter().zip(before).map(|((from, ahead), before)| (*from, before, *ahead)).collect()
        };
        // A look may be some minutes before the clock is set.
        let back = |(from, before, after): &&(i64, i64, i64)| from + after <= at_us && at_us <= from + before + HOUR;
        offsets.iter().filter(back).count()
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        self.no_tick_is_lost()?;
        self.no_interval_is_lost()?;
        self.nothing_is_done_twice()?;
        self.nothing_cancelled_begins()?;
        for (name, jobs) in &self.jobs {
            let open = jobs.iter().filter(|job| job.state.is_open() && job.tick.at_us < START + TROUBLE + QUIET - DAY);
            prop_assert_eq!(open.count(), 0, "{} is blocked", name);
            prop_assert!(
                jobs.iter().any(|job| job.tick.at_us > START + TROUBLE + QUIET - DAY),
                "{} stands still",
                name
            );
        }
        Ok(())
    }

    fn no_tick_is_lost(&self) -> Result<(), TestCaseError> {
        let times = Times::of(&schedules(TEXT)["all"].trigger);
        let ends = START + TROUBLE + QUIET - 2 * DAY;
        let ticks: Vec<i64> = times.after(START).map(|tick| tick.at_us).take_while(|at| *at < ends).collect();
        prop_assert!(ticks.len() > 400);
        for at in ticks {
            let of: Vec<&Job> = self.jobs["all"].iter().filter(|job| job.tick.at_us == at).collect();
            prop_assert!(
                of.iter().any(|job| self.is_over(job)),
                "the tick at {} h is lost: {of:?}",
                (at - START) / HOUR
            );
            let over = of.iter().filter(|job| self.is_over(job)).count();
            prop_assert!(over <= 1 + self.set_back_over(at), "the tick at {} h is there twice", (at - START) / HOUR);
        }
        Ok(())
    }

    fn no_interval_is_lost(&self) -> Result<(), TestCaseError> {
        let mut over: Vec<&Job> = self.jobs["last"].iter().filter(|job| self.is_over(job)).collect();
        over.sort_by_key(|job| job.tick.from_us);
        let mut covered = START + 2 * HOUR;
        for job in over {
            prop_assert!(job.tick.from_us <= covered, "nothing covers {} h", (covered - START) / HOUR);
            covered = covered.max(job.tick.at_us);
        }
        prop_assert!(covered > START + TROUBLE + QUIET - DAY);
        Ok(())
    }

    fn nothing_is_done_twice(&self) -> Result<(), TestCaseError> {
        let mut done: BTreeMap<i64, usize> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.outcome == Some(Outcome::Succeeded)) {
            *done.entry(run.job).or_default() += 1;
        }
        prop_assert!(done.values().all(|times| *times == 1), "{done:?}");
        let succeeded = self.jobs["last"].iter().filter(|job| job.state == JobState::Succeeded).count();
        let followed: usize = self.jobs["follows"].len();
        prop_assert_eq!(followed, succeeded, "each success is followed once");
        Ok(())
    }

    fn nothing_cancelled_begins(&self) -> Result<(), TestCaseError> {
        for job in self.jobs.values().flatten().filter(|job| self.cancelled.contains(&job.id)) {
            prop_assert_eq!(job.state, JobState::Cancelled);
            let began = self.runs.iter().filter(|run| run.job == job.id).map(|run| run.ended_us).max();
            prop_assert!(began.is_none() || job.failures + job.cuts > 0 || job.run.is_some(), "{job:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn faults_of_the_records_lose_and_repeat_nothing(
        seed: u64,
        full in vec((HOUR..2 * DAY, MINUTE..10 * HOUR), 0..6),
    ) {
        let played = play(seed, 6, vec![], &spread(&full));
        played.holds()?;
        for kind in ["reading fails", "writing fails", "fails after writing", "dies before writing", "dies after writing"] {
            prop_assert!(played.hits.contains_key(kind), "{} did not come: {:?}", kind, played.hits);
        }
        prop_assert!(!played.cancelled.is_empty());
    }

    #[test]
    fn a_clock_that_jumps_loses_nothing_and_stops_nothing(
        seed: u64,
        percent in 0_u64..4,
        jumps in vec((HOUR..2 * DAY, prop_oneof![-3 * DAY..3 * DAY, -5 * MINUTE..5 * MINUTE, 300 * DAY..400 * DAY]), 1..8),
    ) {
        play(seed, percent, spread(&jumps), &[]).holds()?;
    }

    #[test]
    fn records_in_memory_are_like_those_on_disk(seed: u64, longest in SECOND..3 * HOUR, runs in 1_usize..4) {
        let all = schedules(TEXT);
        let history = History::in_memory().unwrap();
        let down: Vec<(i64, i64)> = (0..20).map(|day| START + day * DAY + i64::try_from(seed % 1000).unwrap() * MINUTE)
            .map(|at| (at, at + 3 * HOUR)).collect();
        let world = Varied(longest);
        let until_us = START + 20 * DAY;
        let simulation = Simulation { schedules: &all, from_us: START, until_us, runs, down: &down, world: &world };
        let in_memory = MemoryStore::new(all.keys().map(|name| (name.to_string(), Some(START))), START);
        let (one, other) = (simulation.run(&in_memory), simulation.run(&met(&history, &all)));
        prop_assert!(one.len() > 500);
        prop_assert_eq!(one, other);
    }
}
