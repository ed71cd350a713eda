//! What is failing now, what runs and ran, what is next, how fresh it is, and two weeks at a glance.

use super::{
    Data,
    freshness::Age,
    job::{Working, working},
    node_link,
    run::RunSummary,
    schedule::{self, Schedule},
};
use crate::{terminal::format::utc, web::http_error::HttpError};
use engine_run::history::lists::RunFilter;
use schemars::JsonSchema;
use serde::Serialize;

const DAYS: i64 = 14;
const DAY_US: i64 = 86_400_000_000;
/// Runs that are shown.
const RUNS: u32 = 8;
/// Schedules that are shown.
const SCHEDULES: usize = 8;

/// The first page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Home {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// What failed the last time.
    pub failing: Vec<Failing>,
    /// What is at work.
    pub working: Vec<Working>,
    /// What ran.
    pub runs: Vec<RunSummary>,
    /// What is next.
    pub coming: Vec<Schedule>,
    /// How old sources are.
    pub freshness: Vec<Age>,
    /// The last two weeks.
    pub days: Vec<Day>,
    /// Whether nothing ran yet.
    pub empty: bool,
}

/// A node that failed the last time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Failing {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where its page is.
    pub url: String,
    /// The run.
    pub run: String,
    /// When.
    pub at_us: Option<i64>,
    /// Why.
    pub note: String,
}

/// A day of runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Day {
    /// When it began.
    pub at_us: i64,
    /// Its month and day.
    pub label: String,
    /// Runs that succeeded.
    pub good: u64,
    /// Runs that failed.
    pub bad: u64,
    /// Other runs.
    pub other: u64,
    /// Parts of the highest day, of 40.
    pub height_good: u64,
    /// The same of those that failed.
    pub height_bad: u64,
    /// The same of others.
    pub height_other: u64,
}

/// The first page.
pub fn home(data: &Data) -> Result<Home, HttpError> {
    let now = data.service.now_us();
    let runs = data.records.run_rows(&RunFilter { without_streams: true, ..RunFilter::default() }, RUNS)?;
    Ok(Home {
        now_us: now,
        failing: failing(data)?,
        working: working(data),
        coming: schedule::all(data, 1)?.into_iter().take(SCHEDULES).collect(),
        freshness: data.freshness.ages(data),
        days: days(data, now)?,
        empty: runs.is_empty(),
        runs: runs.into_iter().map(RunSummary::from).collect(),
    })
}

fn failing(data: &Data) -> Result<Vec<Failing>, HttpError> {
    let reading = data.service.reading();
    let project = &reading.project;
    let mut failing = vec![];
    for id in project.graph.nodes.keys() {
        let Some(last) = data.records.last_of_node(&id.to_string())?.filter(|last| last.status == "failed") else {
            continue;
        };
        failing.push(Failing {
            name: id.name().into_owned(),
            kind: id.kind().word().to_owned(),
            url: node_link::url(project, id),
            at_us: last.started_us,
            note: reading.mask.text(&last.note.unwrap_or_default()),
            run: last.run,
        });
    }
    Ok(failing)
}

fn days(data: &Data, now: i64) -> Result<Vec<Day>, HttpError> {
    let today = now.div_euclid(DAY_US);
    let first = today - DAYS + 1;
    let counted = data.records.days(first * DAY_US, 0)?;
    let of = |day: i64, states: &[&str]| -> u64 {
        counted.iter().filter(|(at, state, _)| *at == day && states.contains(&state.as_str())).map(|(_, _, n)| n).sum()
    };
    let day = |day: i64| Day {
        at_us: day * DAY_US,
        label: utc(day * DAY_US).get(5..10).unwrap_or_default().to_owned(),
        good: of(day, &["succeeded"]),
        bad: of(day, &["failed"]),
        other: of(day, &["cancelled", "interrupted", "running"]),
        height_good: 0,
        height_bad: 0,
        height_other: 0,
    };
    let mut days: Vec<Day> = (first..=today).map(day).collect();
    let most = days.iter().map(|day| day.good + day.bad + day.other).max().unwrap_or(0).max(1);
    for day in &mut days {
        // What is there is seen, however little it is.
        let height = |n: u64| if n == 0 { 0 } else { (n * 40 / most).max(2) };
        (day.height_good, day.height_bad, day.height_other) = (height(day.good), height(day.bad), height(day.other));
    }
    Ok(days)
}
