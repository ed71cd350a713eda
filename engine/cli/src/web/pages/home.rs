//! `/`: what is failing now, what runs and ran, what is next, how fresh it is, and two weeks at a glance.

use super::{runs::Working, schedules::Coming};
use crate::web::{
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    state::Web,
    view::{freshness::Age, node},
};
use askama::Template;
use axum::response::Response;
use engine_run::history::lists::{RunFilter, RunRow};
use serde::Serialize;

const DAYS: i64 = 14;
const DAY_US: i64 = 86_400_000_000;
/// Runs that are shown.
const RUNS: u32 = 8;

#[derive(Template, Serialize)]
#[template(path = "home.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    failing: Vec<Failing>,
    working: Vec<Working>,
    runs: Vec<RunRow>,
    coming: Vec<Coming>,
    freshness: Vec<Age>,
    days: Vec<Day>,
    empty: bool,
}

/// Something that failed the last time.
#[derive(Debug, Serialize)]
struct Failing {
    name: String,
    kind: String,
    url: String,
    run: String,
    at_us: Option<i64>,
    note: String,
}

/// A day of runs.
#[derive(Debug, Serialize)]
struct Day {
    /// In microseconds since 1970 UTC.
    at_us: i64,
    label: String,
    good: u64,
    bad: u64,
    other: u64,
    /// Parts of the highest day, of 40.
    height_good: u64,
    height_bad: u64,
    height_other: u64,
}

/// Shows it.
pub async fn home(request: RequestContext) -> Response {
    response::show(request, page).await
}

fn page(request: &RequestContext) -> Result<Page, HttpError> {
    let web = &request.web;
    let now = web.service.now_us();
    let runs = web.records.run_rows(&RunFilter { without_streams: true, ..RunFilter::default() }, RUNS)?;
    Ok(Page {
        layout: Layout::new(request, "Home"),
        now_us: now,
        failing: failing(web)?,
        working: Working::all(web),
        coming: Coming::all(web, 1)?.into_iter().take(8).collect(),
        freshness: web.freshness.ages(web),
        days: days(web, now)?,
        empty: runs.is_empty(),
        runs,
    })
}

fn failing(web: &Web) -> Result<Vec<Failing>, HttpError> {
    let reading = web.service.reading();
    let project = &reading.project;
    let mask = reading.mask.clone();
    let mut failing = vec![];
    for id in project.graph.nodes.keys() {
        let Some(last) = web.records.last_of_node(&id.to_string())?.filter(|last| last.status == "failed") else {
            continue;
        };
        failing.push(Failing {
            name: id.name().into_owned(),
            kind: id.kind().word().to_owned(),
            url: node::url(project, id),
            at_us: last.started_us,
            note: mask.text(&last.note.unwrap_or_default()),
            run: last.run,
        });
    }
    Ok(failing)
}

fn days(web: &Web, now: i64) -> Result<Vec<Day>, HttpError> {
    let today = now.div_euclid(DAY_US);
    let first = today - DAYS + 1;
    let counted = web.records.days(first * DAY_US, 0)?;
    let of = |day: i64, states: &[&str]| -> u64 {
        counted.iter().filter(|(at, state, _)| *at == day && states.contains(&state.as_str())).map(|(_, _, n)| n).sum()
    };
    let mut days: Vec<Day> = (first..=today)
        .map(|day| Day {
            at_us: day * DAY_US,
            label: crate::terminal::format::utc(day * DAY_US).get(5..10).unwrap_or_default().to_owned(),
            good: of(day, &["succeeded"]),
            bad: of(day, &["failed"]),
            other: of(day, &["cancelled", "interrupted", "running"]),
            height_good: 0,
            height_bad: 0,
            height_other: 0,
        })
        .collect();
    let most = days.iter().map(|day| day.good + day.bad + day.other).max().unwrap_or(0).max(1);
    for day in &mut days {
        // What is there is seen, however little it is.
        let height = |n: u64| if n == 0 { 0 } else { (n * 40 / most).max(2) };
        (day.height_good, day.height_bad, day.height_other) = (height(day.good), height(day.bad), height(day.other));
    }
    Ok(days)
}
