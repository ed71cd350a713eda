//! Schedules over years of virtual time: through downtime, long runs and days when the clock is changed.

use chrono::{Datelike as _, TimeZone as _};
use chrono_tz::Tz;
use engine_language::{
    config::schedule::Schedule,
    name::Name,
    project::{LoadOptions, load},
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::schedule::{
    due::{Move, Standing, decide},
    simulate::{Simulated, Simulation},
    times::Times,
};
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

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

/// A duration that differs from run to run, and is the same each time.
fn varied(longest: i64) -> impl Fn(&Name, i64) -> i64 {
    move |name, at| {
        let digest = blake3::hash(format!("{name}{at}").as_bytes());
        let number = u32::from_le_bytes(digest.as_bytes()[..4].try_into().unwrap());
        1 + i64::from(number) % longest.max(1)
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
            until_us: START + self.days * DAY,
            runs: usize::MAX,
            took: &varied(self.longest),
            down: &self.down,
            settled: self.schedules.keys().map(|name| (name.clone(), START)).collect(),
        };
        simulation.run()
    }

    fn times(&self, name: &str) -> Times {
        Times::of(&self.schedules[name].trigger)
    }
}

/// The runs of a schedule that were not cut off.
fn whole<'a>(runs: &'a [Simulated], name: &str) -> Vec<&'a Simulated> {
    runs.iter().filter(|run| run.schedule.as_str() == name && !run.cut).collect()
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
        pairs in vec((MINUTE..40 * DAY, MINUTE..20 * DAY), 0..30),
        longest in SECOND..3 * HOUR,
    ) {
        let world = World { schedules: schedules(THREE), down: downs(&pairs), days: 365, longest };
        let runs = world.run();
        one_at_a_time(&runs);
        let down = |at: i64| world.down.iter().any(|(from, to)| (*from..*to).contains(&at));
        for run in &runs {
            prop_assert!(!down(run.started_us) && run.started_us >= run.tick.at_us, "{run:?}");
        }
        let all: Vec<i64> = whole(&runs, "all").iter().map(|run| run.tick.at_us).collect();
        let expected: Vec<i64> = world.times("all").after(START).map(|tick| tick.at_us).take(all.len()).collect();
        prop_assert_eq!(all, expected, "each tick once, in order");
        for pair in whole(&runs, "last").windows(2) {
            prop_assert_eq!(pair[0].tick.at_us, pair[1].tick.from_us, "intervals join");
        }
        let cut: BTreeSet<_> = runs.iter().filter(|run| run.cut && run.schedule.as_str() == "none").map(|run| run.tick).collect();
        for run in whole(&runs, "none").iter().filter(|run| !cut.contains(&run.tick)) {
            prop_assert_eq!(run.started_us, run.tick.at_us, "on time or not at all");
        }
        let followed: BTreeMap<i64, i64> =
            whole(&runs, "follows").iter().map(|run| (run.tick.at_us, run.tick.from_us)).collect();
        let latest = followed.keys().next_back().copied().unwrap_or_default();
        for run in whole(&runs, "last").iter().filter(|run| run.tick.at_us <= latest) {
            let covered = followed.range(run.tick.at_us..).next().is_some_and(|(_, from)| *from <= run.tick.from_us);
            prop_assert!(covered, "nothing came after {:?}", run);
        }
    }
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
    let settled = |text: &str| schedules(text).keys().map(|name| (name.clone(), START)).collect();
    let simulation = Simulation {
        schedules: &schedules(&text.concat()),
        from_us: START,
        until_us: START + 2 * HOUR,
        runs: 9,
        took: &|_, _| 25 * MINUTE,
        down: &[],
        settled: settled(&text.concat()),
    };
    let runs = simulation.run();
    let starts =
        |name: &str| -> Vec<i64> { whole(&runs, name).iter().map(|run| (run.started_us - START) / MINUTE).collect() };
    assert_eq!(starts("last"), [10, 35, 60, 85, 110], "one for those that came meanwhile");
    assert_eq!(starts("none"), [10, 40, 70, 100], "only on time");
}

#[test]
fn an_interval_is_due_at_first_sight_and_a_cron_is_not() {
    let all = schedules("[e]\nevery = \"1d\"\n[c]\ncron = \"0 3 * * *\"\n");
    let fresh = Standing { settled_us: None, ready_us: START };
    let noon = START + 12 * HOUR;
    let at = |name: &str| decide(&Times::of(&all[name].trigger), all[name].missed, fresh, noon);
    assert!(matches!(at("e"), Move::Run(tick) if (tick.from_us, tick.at_us) == (START - DAY, START)));
    assert_eq!(at("c"), Move::LetGo(noon));
}

#[test]
fn a_clock_that_is_set_back_repeats_nothing() {
    let all = schedules("[e]\nevery = \"1h\"\n");
    let times = Times::of(&all["e"].trigger);
    let standing = Standing { settled_us: Some(START + 5 * HOUR), ready_us: START };
    let back = decide(&times, all["e"].missed, standing, START + 2 * HOUR);
    assert_eq!(back, Move::Wait(Some(START + 6 * HOUR)));
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
