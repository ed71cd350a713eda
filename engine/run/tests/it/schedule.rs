//! Schedules over years of virtual time: through downtime, long runs and days when the clock is changed.

use chrono::{Datelike as _, TimeZone as _};
use chrono_tz::Tz;
use engine_language::{
    config::schedule::Schedule,
    load::{LoadOptions, load},
    name::Name,
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::schedule::{
    Tick,
    due::{Move, Standing, decide},
    memory_store::MemoryStore,
    record::{Cause, Job, NewJob},
    scheduler::Outcome,
    simulate::{self, Simulated, Simulation},
    store::{Applied, Change, Store as _},
    times::Times,
};
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

mod faults;
mod faulty;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600 * SECOND;

pub fn schedules(text: &str) -> BTreeMap<Name, Schedule> {
    let world = MemoryWorld::fixture(&format!("//- project/schedules.toml\n{text}"));
    let options = LoadOptions { target: None, vars: BTreeMap::new(), run: RunInfo::NONE, discovered: BTreeMap::new() };
    load(&world, &options).0.schedules
}

/// A number that differs from schedule to schedule and from time to time, and is the same each time.
fn number(name: &Name, at: i64) -> u32 {
    let digest = blake3::hash(format!("{name}{at}").as_bytes());
    u32::from_le_bytes(digest.as_bytes()[..4].try_into().unwrap())
}

/// Runs take differently long, up to this.
struct Varied(i64);

impl simulate::World for Varied {
    fn took_us(&self, name: &Name, at: i64) -> i64 {
        1 + i64::from(number(name, at)) % self.0.max(1)
    }
}

/// All runs take as long.
struct Even(i64);

impl simulate::World for Even {
    fn took_us(&self, _name: &Name, _at: i64) -> i64 {
        self.0
    }
}

/// Downtimes from pairs of "up for" and "down for".
fn downs(pairs: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut at = START;
    let mut downs = vec![];
    for (up, down) in pairs {
        downs.push((at + up, at + up + down));
        at += up + down;
    }
    downs
}

struct World {
    schedules: BTreeMap<Name, Schedule>,
    down: Vec<(i64, i64)>,
    days: i64,
    longest: i64,
}

impl World {
    fn run(&self) -> Vec<Simulated> {
        let simulation = Simulation {
            schedules: &self.schedules,
            from_us: START,
            until_us: self.until(),
            runs: usize::MAX,
            down: &self.down,
            world: &Varied(self.longest),
        };
        simulation.run(&decided(&self.schedules))
    }

    fn until(&self) -> i64 {
        START + self.days * DAY
    }

    fn is_down(&self, at: i64) -> bool {
        self.down.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// The ticks of a schedule that the service had time for.
    fn ticks(&self, name: &str) -> Vec<i64> {
        let until = self.until() - 2 * DAY;
        self.times(name).after(START).map(|tick| tick.at_us).take_while(|at| *at < until).collect()
    }

    fn times(&self, name: &str) -> Times {
        Times::of(&self.schedules[name].trigger)
    }
}

/// Records of schedules whose ticks are decided up to the start.
fn decided(schedules: &BTreeMap<Name, Schedule>) -> MemoryStore {
    MemoryStore::new(schedules.keys().map(|name| (name.to_string(), Some(START))), START)
}

/// The runs of a schedule that were not cut off.
fn whole<'a>(runs: &'a [Simulated], name: &str) -> Vec<&'a Simulated> {
    runs.iter().filter(|run| run.schedule.as_str() == name && !run.cut).collect()
}

/// The ticks whose run was cut off three times, which is not begun again.
fn given_up(runs: &[Simulated], name: &str) -> BTreeSet<i64> {
    let mut cuts: BTreeMap<i64, usize> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.schedule.as_str() == name && run.cut) {
        *cuts.entry(run.tick.at_us).or_default() += 1;
    }
    cuts.into_iter().filter(|(_, cuts)| *cuts == 3).map(|(at, _)| at).collect()
}

fn one_at_a_time(runs: &[Simulated]) {
    let names: BTreeSet<&Name> = runs.iter().map(|run| &run.schedule).collect();
    for name in names {
        let of: Vec<_> = runs.iter().filter(|run| run.schedule == *name).collect();
        for pair in of.windows(2) {
            assert!(pair[1].started_us >= pair[0].ended_us, "two of {name} at once: {pair:?}");
        }
    }
}

const THREE: &str = "\
[all]\nevery = \"1h\"\nmissed = \"all\"\n\
[last]\ncron = \"20 */2 * * *\"\ntimezone = \"America/New_York\"\n\
[none]\nevery = \"30m\"\nmissed = \"none\"\n\
[follows]\nafter = \"last\"\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn downtime_loses_nothing_and_repeats_nothing(
        pairs in vec((MINUTE..20 * DAY, MINUTE..5 * DAY), 1..12),
        longest in SECOND..40 * MINUTE,
    ) {
        let down = downs(&pairs);
        // After the last downtime there is time for all that was missed.
        let days = (down.last().unwrap().1 - START) / DAY + 60;
        let world = World { schedules: schedules(THREE), down, days, longest };
        let runs = world.run();
        one_at_a_time(&runs);
        for run in &runs {
            prop_assert!(!world.is_down(run.started_us) && run.started_us >= run.tick.at_us, "{run:?}");
        }
        each_tick_is_run_once(&world, &runs)?;
        intervals_join(&world, &runs)?;
        ticks_are_on_time_or_not_at_all(&world, &runs)?;
        each_run_is_followed(&runs)?;
    }
}

fn each_tick_is_run_once(world: &World, runs: &[Simulated]) -> Result<(), TestCaseError> {
    let done: Vec<i64> = whole(runs, "all").iter().map(|run| run.tick.at_us).collect();
    let given_up = given_up(runs, "all");
    let expected: Vec<i64> = world.ticks("all").into_iter().filter(|at| !given_up.contains(at)).collect();
    prop_assert!(expected.len() > 1000);
    prop_assert_eq!(&done[..expected.len().min(done.len())], &expected[..], "each tick once, in order");
    Ok(())
}

fn intervals_join(world: &World, runs: &[Simulated]) -> Result<(), TestCaseError> {
    let given_up = given_up(runs, "last");
    let of: Vec<&Simulated> = runs.iter().filter(|run| run.schedule.as_str() == "last").collect();
    let ticks: BTreeSet<_> = of.iter().map(|run| (run.tick.from_us, run.tick.at_us)).collect();
    let ticks: Vec<_> = ticks.into_iter().collect();
    prop_assert!(
        ticks[0].0 <= world.ticks("last")[0] && ticks.last().unwrap().1 >= *world.ticks("last").last().unwrap()
    );
    for pair in ticks.windows(2) {
        prop_assert_eq!(pair[0].1, pair[1].0, "intervals join");
    }
    for (_, at) in ticks.iter().filter(|(_, at)| !given_up.contains(at) && *at < world.until() - DAY) {
        let done = whole(runs, "last").iter().filter(|run| run.tick.at_us == *at).count();
        prop_assert_eq!(done, 1, "each interval is run to its end once");
    }
    Ok(())
}

fn ticks_are_on_time_or_not_at_all(world: &World, runs: &[Simulated]) -> Result<(), TestCaseError> {
    let of: Vec<&Simulated> = runs.iter().filter(|run| run.schedule.as_str() == "none").collect();
    for run in &of {
        prop_assert_eq!(run.started_us, run.tick.at_us, "on time or not at all");
    }
    let on_time: BTreeSet<i64> = of.iter().map(|run| run.started_us).collect();
    let busy = |at: i64| of.iter().any(|run| run.started_us < at && at <= run.ended_us);
    for at in world.ticks("none") {
        prop_assert!(on_time.contains(&at) || world.is_down(at) || busy(at), "a tick at {} is lost", at);
    }
    Ok(())
}

fn each_run_is_followed(runs: &[Simulated]) -> Result<(), TestCaseError> {
    let given_up = given_up(runs, "follows");
    let of = runs.iter().filter(|run| run.schedule.as_str() == "follows");
    let followed: BTreeSet<(i64, i64)> = of.map(|run| (run.tick.from_us, run.tick.at_us)).collect();
    let last = whole(runs, "last");
    prop_assert!(last.len() > 100);
    // The last ones may still be at work.
    for run in &last[..last.len() - 3] {
        let covers = |(from, at): &&(i64, i64)| *from <= run.tick.from_us && run.tick.at_us <= *at;
        prop_assert!(followed.iter().any(|tick| covers(&tick)), "nothing came after {:?}", run);
    }
    let done = whole(runs, "follows");
    prop_assert!(done.len() + given_up.len() + 3 >= followed.len(), "some were not run to their end");
    Ok(())
}

#[test]
fn a_daily_time_comes_once_a_day_for_thirty_years() {
    for zone in [Tz::Europe__Berlin, Tz::America__Sao_Paulo, Tz::Australia__Lord_Howe, Tz::Africa__Casablanca] {
        for hour in 0..4 {
            let text = format!("[s]\ncron = \"30 {hour} * * *\"\ntimezone = \"{zone}\"\n");
            let times = Times::of(&schedules(&text)["s"].trigger);
            let from = zone.with_ymd_and_hms(2000, 1, 1, 12, 0, 0).unwrap().timestamp_micros();
            let days: Vec<_> = times.after(from).take(365 * 30).map(|tick| zone.timestamp_micros(tick.at_us)).collect();
            for pair in days.windows(2) {
                let dates = [&pair[0], &pair[1]].map(|time| time.unwrap().date_naive().num_days_from_ce());
                assert_eq!(dates[1] - dates[0], 1, "{zone} {hour}: {pair:?}");
            }
        }
    }
}

#[test]
fn after_a_long_sleep_each_policy_does_what_it_says() {
    let text = ["none", "last", "all"].map(|missed| format!("[{missed}]\nevery = \"1h\"\nmissed = \"{missed}\"\n"));
    let down = vec![(START + 90 * MINUTE, START + 10 * HOUR + MINUTE)];
    let world = World { schedules: schedules(&text.concat()), down, days: 1, longest: SECOND };
    let runs = world.run();
    let hours = |name: &str| -> Vec<(i64, i64)> {
        whole(&runs, name)
            .iter()
            .map(|run| ((run.tick.from_us - START) / HOUR, (run.tick.at_us - START) / HOUR))
            .collect()
    };
    assert_eq!(hours("none")[..3], [(0, 1), (10, 11), (11, 12)]);
    assert_eq!(hours("last")[..3], [(0, 1), (1, 10), (10, 11)], "one run for all that were missed");
    assert_eq!(hours("all")[..4], [(0, 1), (1, 2), (2, 3), (3, 4)]);
}

#[test]
fn a_run_that_takes_longer_than_its_interval_is_not_piled_up() {
    let text = ["none", "last"].map(|missed| format!("[{missed}]\nevery = \"10m\"\nmissed = \"{missed}\"\n"));
    let all = schedules(&text.concat());
    let simulation = Simulation {
        schedules: &all,
        from_us: START,
        until_us: START + 2 * HOUR,
        runs: 9,
        down: &[],
        world: &Even(25 * MINUTE),
    };
    let runs = simulation.run(&decided(&all));
    let starts =
        |name: &str| -> Vec<i64> { whole(&runs, name).iter().map(|run| (run.started_us - START) / MINUTE).collect() };
    assert_eq!(starts("last"), [10, 35, 60, 85, 110], "one for those that came meanwhile");
    assert_eq!(starts("none"), [10, 40, 70, 100], "only on time");
}

#[test]
fn an_interval_is_due_at_first_sight_and_a_cron_is_not() {
    let all = schedules("[e]\nevery = \"1d\"\n[c]\ncron = \"0 3 * * *\"\n");
    let fresh = Standing { decided_us: None, ready_us: START };
    let noon = START + 12 * HOUR;
    let at = |name: &str| decide(&Times::of(&all[name].trigger), all[name].missed, fresh, noon);
    assert!(matches!(at("e"), Move::Run(tick) if (tick.from_us, tick.at_us) == (START - DAY, START)));
    assert_eq!(at("c"), Move::LetGo(noon));
}

#[test]
fn a_clock_that_is_set_back_repeats_nothing() {
    let all = schedules("[e]\nevery = \"1h\"\n");
    let times = Times::of(&all["e"].trigger);
    let standing = Standing { decided_us: Some(START + 5 * HOUR), ready_us: START };
    let back = decide(&times, all["e"].missed, standing, START + 2 * HOUR);
    assert_eq!(back, Move::Wait(Some(START + 6 * HOUR)));
}

/// What runs within a day of records that a clock wrote which was a year ahead.
fn after_a_clock_that_was_ahead(missed: &str) -> Vec<Simulated> {
    let all = schedules(&format!("[s]\nevery = \"1h\"\nmissed = \"{missed}\"\n"));
    let store = MemoryStore::new([("s".to_owned(), Some(START + 365 * DAY))], START + 365 * DAY);
    let until_us = START + DAY;
    let world = Even(MINUTE);
    Simulation { schedules: &all, from_us: START, until_us, runs: 1, down: &[], world: &world }.run(&store)
}

#[test]
fn a_clock_that_was_ahead_silences_nothing() {
    for missed in ["none", "last", "all"] {
        let runs = after_a_clock_that_was_ahead(missed);
        let hours: Vec<i64> = runs.iter().map(|run| (run.started_us - START) / HOUR).collect();
        assert_eq!(hours, (1..24).collect::<Vec<_>>(), "{missed}");
    }
}

/// A clock that is a year ahead until a time; the first run fails.
struct Ahead {
    until: i64,
    first_fails: bool,
}

impl simulate::World for Ahead {
    fn took_us(&self, _name: &Name, _at: i64) -> i64 {
        MINUTE
    }

    fn outcome(&self, job: &Job, _at: i64) -> Outcome {
        let fails = self.first_fails && job.id == 1;
        if fails { Outcome::Failed("it failed".to_owned()) } else { Outcome::Succeeded }
    }

    fn clock_us(&self, at: i64) -> i64 {
        if at < self.until { at + 365 * DAY } else { at }
    }

    fn come(&self, at: i64) -> Option<i64> {
        Some(self.until).filter(|until| *until > at)
    }
}

fn with_a_clock_ahead(text: &str, world: &Ahead) -> Vec<Simulated> {
    let all = schedules(text);
    let until_us = START + DAY;
    Simulation { schedules: &all, from_us: START, until_us, runs: 1, down: &[], world }.run(&decided(&all))
}

#[test]
fn a_clock_that_is_set_right_under_the_service_silences_nothing() {
    let world = Ahead { until: START + 5 * HOUR + MINUTE, first_fails: false };
    let runs = with_a_clock_ahead("[s]\nevery = \"1h\"\n", &world);
    let after = runs.iter().filter(|run| run.started_us > world.until);
    let hours: Vec<i64> = after.map(|run| (run.started_us - START) / HOUR).collect();
    assert_eq!(hours, (6..24).collect::<Vec<_>>());
}

#[test]
fn what_a_job_of_the_future_stood_for_comes_again() {
    let world = Ahead { until: START + 3 * HOUR + 30 * MINUTE, first_fails: true };
    let text = "[s]\nevery = \"1h\"\nretries = { times = 3, wait = \"1d\" }\n";
    let runs = with_a_clock_ahead(text, &world);
    let after: Vec<_> = runs.iter().filter(|run| run.started_us >= world.until).collect();
    assert_eq!((after[0].tick.from_us, after[0].tick.at_us), (START, START + 3 * HOUR), "{:?}", after[0]);
    assert_eq!(after[0].started_us, world.until);
}

#[test]
fn a_retry_that_a_clock_ahead_put_off_is_not_waited_for() {
    let all = schedules("[s]\nevery = \"1h\"\n");
    let ahead = START + 365 * DAY;
    let store = MemoryStore::new([("s".to_owned(), Some(START))], START);
    let job = NewJob::of_schedule("s", Cause::After, Tick { at_us: START, from_us: START - HOUR });
    assert_eq!(store.apply(&[Change::Add(job)], ahead), Ok(Applied::All));
    let world = Even(MINUTE);
    let simulation =
        Simulation { schedules: &all, from_us: START, until_us: START + DAY, runs: 1, down: &[], world: &world };
    assert_eq!(simulation.run(&store)[0].started_us, START);
}

#[test]
fn a_thousand_schedules_go_through_a_week() {
    let text: String = (0..1000).fold(String::new(), |text, i| {
        text + &format!("[s{i}]\ncron = \"{} {} * * *\"\ntimezone = \"Europe/Berlin\"\n", i % 60, i % 24)
    });
    let all = schedules(&text);
    let world = World { schedules: all, down: vec![], days: 7, longest: MINUTE };
    let runs = world.run();
    assert_eq!(runs.len(), 7 * 1000 - runs_lost_at_the_edge(&world));
}

/// Times of the first hour in Berlin had passed when the simulation began.
fn runs_lost_at_the_edge(world: &World) -> usize {
    let end = START + world.days * DAY;
    let ticks = |name: &Name| world.times(name.as_str()).after(START).take_while(|tick| tick.at_us < end).count();
    7 * 1000 - world.schedules.keys().map(ticks).sum::<usize>()
}
