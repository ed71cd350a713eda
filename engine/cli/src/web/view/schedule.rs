//! What runs when.

use super::{
    Data,
    job::{Waiting, waiting},
};
use crate::web::{
    format::{self, Square},
    http_error::HttpError,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use engine_language::config::schedule::Trigger;
use engine_run::{
    history::lists::{RunFilter, RunRow},
    schedule::describe,
    service::Look,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Next times that are shown.
const NEXT: usize = 5;
const RUNS: u32 = 20;

/// All schedules.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Schedules {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// Those that come soonest first, then those without times.
    pub schedules: Vec<Schedule>,
    /// Jobs that wait.
    pub waiting: Vec<Waiting>,
    /// Backfills that go on.
    pub backfills: Vec<Backfill>,
}

/// A schedule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// When, in words.
    pub when: String,
    /// What it selects.
    pub select: String,
    /// Its next times.
    pub next: Vec<i64>,
    /// Since when and by whom it is paused.
    pub paused: Option<(i64, String)>,
    /// `working`, `waiting`, `paused`, `failed`, `ok`.
    pub state: &'static str,
    /// Whether it looks at a stream all the time.
    pub continuous: bool,
    /// When the stream was last looked at.
    pub looked_us: Option<i64>,
    /// When something came the last time.
    pub came_us: Option<i64>,
    /// Why that failed.
    pub failed: Option<String>,
    /// Whether it has intervals to backfill.
    pub has_intervals: bool,
    /// Its last runs.
    #[serde(skip)]
    pub squares: Vec<Square>,
    /// How long it takes in the middle.
    pub usual_us: Option<i64>,
}

/// A backfill that goes on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Backfill {
    /// Its id.
    pub id: String,
    /// The schedule.
    pub schedule: String,
    /// Intervals that are done.
    pub done: u64,
    /// Intervals in all.
    pub of: u64,
}

/// A schedule that was paused or goes on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Paused {
    /// The schedule.
    pub schedule: String,
    /// Whether it is paused now.
    pub paused: bool,
    /// Whether that is new.
    pub changed: bool,
}

/// A backfill that was accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Backfilled {
    /// Its id.
    pub backfill: String,
    /// Intervals in all.
    pub intervals: usize,
}

/// Between which times.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Range {
    /// The start: 2026-01-31 or 2026-01-31T06:30:00Z.
    pub from: String,
    /// The end.
    pub to: String,
}

impl Range {
    /// The two times, in microseconds since 1970 UTC.
    pub fn times(&self) -> Result<(i64, i64), HttpError> {
        Ok((time(&self.from)?, time(&self.to)?))
    }
}

/// All schedules, with what waits.
pub fn schedules(data: &Data) -> Result<Schedules, HttpError> {
    let target = data.service.reading().project.target.to_string();
    let backfills = data.records.backfills(&target)?;
    Ok(Schedules {
        now_us: data.service.now_us(),
        schedules: all(data, NEXT)?,
        waiting: waiting(data)?,
        backfills: backfills.into_iter().map(|(id, schedule, done, of)| Backfill { id, schedule, done, of }).collect(),
    })
}

/// All schedules, each with so many of its next times.
pub fn all(data: &Data, next: usize) -> Result<Vec<Schedule>, HttpError> {
    let reading = data.service.reading();
    let target = reading.project.target.as_str();
    let records = data.records.schedules(target)?;
    let open = data.records.open_jobs(target)?;
    let live = data.service.live();
    let mut all = vec![];
    for (name, schedule) in &reading.project.schedules {
        let look = data.service.look(name.as_str());
        let failed = look.as_ref().and_then(|look: &Look| look.failed.clone());
        let paused = records.get(name.as_str()).and_then(|record| record.paused.clone());
        let working = live.iter().any(|run| run.work.schedule.as_deref() == Some(name.as_str()));
        let waiting = open.iter().any(|job| job.schedule.as_deref() == Some(name.as_str()));
        let select: Vec<&str> = schedule.select.iter().map(|one| one.value.as_str()).collect();
        let usual = data.records.usual_duration(name.as_str())?;
        all.push(Schedule {
            name: name.to_string(),
            when: describe::trigger(&schedule.trigger),
            select: if select.is_empty() { "everything".to_owned() } else { select.join(" ") },
            next: data.service.next(name.as_str(), next).iter().map(|tick| tick.at_us).collect(),
            state: match () {
                () if working => "working",
                () if paused.is_some() => "paused",
                () if failed.is_some() => "failed",
                () if waiting => "waiting",
                () => "ok",
            },
            paused,
            continuous: schedule.trigger == Trigger::Continuous,
            looked_us: look.as_ref().map(|look| look.at_us),
            came_us: look.as_ref().and_then(|look| look.came_us),
            failed: failed.map(|said| reading.mask.text(&said)),
            has_intervals: matches!(schedule.trigger, Trigger::Every(_) | Trigger::Cron { .. }),
            squares: squares(data, name.as_str())?,
            usual_us: usual.and_then(|usual| i64::try_from(usual.as_micros()).ok()),
        });
    }
    all.sort_by_key(|one| one.next.first().copied().unwrap_or(i64::MAX));
    Ok(all)
}

fn squares(data: &Data, name: &str) -> Result<Vec<Square>, HttpError> {
    let filter = RunFilter { schedule: Some(name.to_owned()), ..RunFilter::default() };
    let runs = data.records.run_rows(&filter, RUNS)?;
    let square = |run: &RunRow| Square {
        state: run.state.clone(),
        title: format!("{}, {}", run.state, format::took_if(run.took_us)),
        href: format!("/runs/{}", run.id),
    };
    Ok(runs.iter().rev().map(square).collect())
}

/// A time as people and browsers write it: a day, or a day and a time, in UTC unless it says so; in microseconds.
pub fn time(text: &str) -> Result<i64, HttpError> {
    let naive = |time: NaiveDateTime| time.and_utc().timestamp_micros();
    let day = |text: &str| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(naive);
    let minutes = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok().map(naive);
    let seconds = |text: &str| text.parse::<NaiveDateTime>().ok().map(naive);
    let zoned = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
    let read = day(text).or_else(|| minutes(text)).or_else(|| seconds(text)).or_else(|| zoned(text));
    read.ok_or_else(|| HttpError::bad_request(format!("`{text}` is no time; write 2026-01-31 or 2026-01-31T06:30")))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["2026-01-31", "2026-01-31T00:00", "2026-01-31T00:00:00", "2026-01-31T01:00:00+01:00"] {
            assert_eq!(time(text).unwrap(), 1_769_817_600_000_000, "{text}");
        }
        assert!(time("yesterday").is_err());
    }
}
