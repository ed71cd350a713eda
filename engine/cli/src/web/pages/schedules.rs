//! `/schedules`: what runs when; pausing, running, backfilling.

use super::runs::Waiting;
use crate::web::{
    form::Fields, format::Square, http_error::HttpError, layout::Layout, request::RequestContext, response, state::Web,
};
use askama::Template;
use axum::{extract::Path, response::Response};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use engine_language::config::schedule::Trigger as When;
use engine_run::{
    history::lists::RunFilter,
    options::RunOptions,
    schedule::{describe, record::JobRequest},
    service::{Look, Trigger},
};
use serde::Serialize;

/// Next times that are shown.
const NEXT: usize = 5;
const RUNS: u32 = 20;

#[derive(Template, Serialize)]
#[template(path = "schedules.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    schedules: Vec<Coming>,
    waiting: Vec<Waiting>,
    backfills: Vec<Backfill>,
}

/// A schedule.
#[derive(Debug, Serialize)]
pub struct Coming {
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
    /// `working`, `waiting`, `paused`, `ok`.
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
#[derive(Debug, Serialize)]
struct Backfill {
    id: String,
    schedule: String,
    done: u64,
    of: u64,
}

impl Coming {
    /// All schedules: those that come soonest first, then those without times.
    pub fn all(web: &Web, next: usize) -> Result<Vec<Self>, HttpError> {
        let reading = web.service.reading();
        let target = reading.project.target.as_str();
        let records = web.records.schedules(target)?;
        let open = web.records.open_jobs(target)?;
        let live = web.service.live();
        let mask = reading.mask.clone();
        let mut all = vec![];
        for (name, schedule) in &reading.project.schedules {
            let continuous = schedule.trigger == When::Continuous;
            let look = web.service.look(name.as_str());
            let paused = records.get(name.as_str()).and_then(|record| record.paused.clone());
            let working = live.iter().any(|run| run.work.schedule.as_deref() == Some(name.as_str()));
            let waiting = open.iter().any(|job| job.schedule.as_deref() == Some(name.as_str()));
            let select: Vec<&str> = schedule.select.iter().map(|one| one.value.as_str()).collect();
            let usual = web.records.usual_duration(name.as_str())?;
            all.push(Self {
                name: name.to_string(),
                when: describe::trigger(&schedule.trigger),
                select: if select.is_empty() { "everything".to_owned() } else { select.join(" ") },
                next: web.service.next(name.as_str(), next).iter().map(|tick| tick.at_us).collect(),
                state: match () {
                    () if working => "working",
                    () if paused.is_some() => "paused",
                    () if failed(look.as_ref()).is_some() => "failed",
                    () if waiting => "waiting",
                    () => "ok",
                },
                paused,
                continuous,
                looked_us: look.as_ref().map(|look| look.at_us),
                came_us: look.as_ref().and_then(|look| look.came_us),
                failed: failed(look.as_ref()).map(|said| mask.text(&said)),
                has_intervals: matches!(schedule.trigger, When::Every(_) | When::Cron { .. }),
                squares: squares(web, name.as_str())?,
                usual_us: usual.and_then(|usual| i64::try_from(usual.as_micros()).ok()),
            });
        }
        all.sort_by_key(|one| one.next.first().copied().unwrap_or(i64::MAX));
        Ok(all)
    }
}

fn failed(look: Option<&Look>) -> Option<String> {
    look?.failed.clone()
}

fn squares(web: &Web, name: &str) -> Result<Vec<Square>, HttpError> {
    let filter = RunFilter { schedule: Some(name.to_owned()), ..RunFilter::default() };
    let runs = web.records.run_rows(&filter, RUNS)?;
    let square = |run: &engine_run::history::lists::RunRow| Square {
        state: run.state.clone(),
        title: format!("{}, {}", run.state, crate::web::format::took_if(run.took_us)),
        href: format!("/runs/{}", run.id),
    };
    Ok(runs.iter().rev().map(square).collect())
}

/// Shows them.
pub async fn schedules(request: RequestContext) -> Response {
    response::show(request, page).await
}

fn page(request: &RequestContext) -> Result<Page, HttpError> {
    let web = &request.web;
    let target = web.service.reading().project.target.to_string();
    let backfills = web.records.backfills(&target)?;
    Ok(Page {
        layout: Layout::new(request, "Schedules"),
        now_us: web.service.now_us(),
        schedules: Coming::all(web, NEXT)?,
        waiting: Waiting::all(web)?,
        backfills: backfills.into_iter().map(|(id, schedule, done, of)| Backfill { id, schedule, done, of }).collect(),
    })
}

/// Runs a schedule now.
pub async fn run(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let options = RunOptions { full_refresh: fields.ticked("full_refresh"), ..RunOptions::default() };
        let job = JobRequest { options, ..JobRequest::default() };
        let trigger = Trigger { schedule: Some(name.clone()), request: job, asked_by: request.identity.named() };
        request.web.service.trigger(trigger)?;
        request.audit("ran", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Pauses it.
pub async fn pause(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.pause(&name, &request.identity.named())?;
        request.audit("paused", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Lets it go on.
pub async fn resume(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.resume(&name)?;
        request.audit("resumed", &name)?;
        Ok(fields.next("/schedules"))
    });
    response::redirect_or_error(&request, done.await)
}

/// Runs intervals of the past.
pub async fn backfill(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let (from, to) = (time(fields.text("from"))?, time(fields.text("to"))?);
        let (_, count) = request.web.service.backfill(&name, from, to, &request.identity.named())?;
        request.audit("backfilled", &format!("{name}, {count} intervals"))?;
        Ok("/schedules".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Takes back what waits of a backfill.
pub async fn cancel_backfill(request: RequestContext, Path(id): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        request.web.service.unwant(None, Some(&id), &request.identity.named())?;
        request.audit("cancelled the backfill", &id)?;
        Ok("/schedules".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Takes back a run that waits.
pub async fn cancel_job(request: RequestContext, Path(id): Path<i64>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        if request.web.service.unwant(Some(id), None, &request.identity.named())? == 0 {
            return Err(HttpError::conflict("it does not wait any more"));
        }
        request.audit("took back", &format!("job {id}"))?;
        Ok(fields.next("/runs"))
    });
    response::redirect_or_error(&request, done.await)
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
