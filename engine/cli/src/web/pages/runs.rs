//! `/runs`: what is at work, what waits, what was done; and running nodes by hand.

use crate::web::{
    form::{Fields, variables},
    format,
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    state::Web,
};
use askama::Template;
use axum::{extract::Query, response::Response};
use engine_run::{
    history::lists::{RunFilter, RunRow},
    options::RunOptions,
    schedule::record::{Job, JobRequest, JobState},
    service::Trigger,
};
use serde::{Deserialize, Serialize};

/// Runs of a page.
const RUNS: u32 = 50;

#[derive(Template, Serialize)]
#[template(path = "runs.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    working: Vec<Working>,
    waiting: Vec<Waiting>,
    runs: Vec<RunRow>,
    /// Where older ones are.
    older: Option<String>,
    state: String,
    schedule: String,
    schedules: Vec<String>,
}

/// Which runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    state: String,
    schedule: String,
    before: String,
    limit: Option<u32>,
}

impl Filter {
    /// As the records understand it.
    pub fn of(&self) -> RunFilter {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (state, schedule, before) = (given(&self.state), given(&self.schedule), given(&self.before));
        RunFilter { state, schedule, before, ..RunFilter::default() }
    }

    /// How many at most.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(RUNS).clamp(1, 500)
    }
}

/// A run at work.
#[derive(Clone, Debug, Serialize)]
pub struct Working {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it began.
    pub started_us: i64,
    /// Nodes that have ended.
    pub done: usize,
    /// Nodes in all, as far as that is known.
    pub all: usize,
    /// The nodes at work.
    pub now: Vec<String>,
}

impl Working {
    /// All of them.
    pub fn all(web: &Web) -> Vec<Self> {
        let live = web.service.live().into_iter();
        live.map(|run| Self {
            id: run.work.run.clone(),
            name: run.work.schedule.clone().unwrap_or_else(|| "by hand".to_owned()),
            started_us: run.started_us,
            done: run.nodes.values().filter(|node| node.status.is_some()).count(),
            all: run.steps.max(run.nodes.len()),
            now: run
                .nodes
                .iter()
                .filter(|(_, node)| node.status.is_none())
                .map(|(id, _)| id.name().into_owned())
                .collect(),
        })
        .collect()
    }
}

/// A job that waits.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// Its number.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Why it is wanted.
    pub cause: &'static str,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// When it was due.
    pub due_us: i64,
    /// It does not begin before.
    pub ready_us: i64,
    /// How often it failed.
    pub failures: u32,
    /// Why it failed the last time.
    pub said: Option<String>,
}

impl Waiting {
    /// All that wait, but for the intervals of backfills behind the first few.
    pub fn all(web: &Web) -> Result<Vec<Self>, HttpError> {
        let target = web.service.reading().project.target.to_string();
        let jobs = web.records.open_jobs(&target)?;
        let waiting = jobs.into_iter().filter(|job| job.state == JobState::Waiting).take(50);
        Ok(waiting.map(Self::of).collect())
    }

    fn of(job: Job) -> Self {
        Self {
            id: job.id,
            name: job.schedule.unwrap_or_else(|| match &job.request.retry_of {
                Some(run) => format!("what run {run} left"),
                None => job.request.select.join(" "),
            }),
            cause: job.cause.word(),
            asked_by: job.asked_by,
            due_us: job.tick.at_us,
            ready_us: job.ready_us,
            failures: job.failures,
            said: job.reason,
        }
    }
}

/// Shows them.
pub async fn runs(request: RequestContext, Query(filter): Query<Filter>) -> Response {
    response::show(request, move |request| page(request, &filter)).await
}

fn page(request: &RequestContext, filter: &Filter) -> Result<Page, HttpError> {
    let web = &request.web;
    let mut runs = web.records.run_rows(&filter.of(), filter.limit() + 1)?;
    let more = runs.len() > filter.limit() as usize;
    runs.truncate(filter.limit() as usize);
    let older = runs.last().filter(|_| more).map(|last| {
        let parts = [("state", filter.state.as_str()), ("schedule", &filter.schedule), ("before", &last.id)];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", format::url(value)))
            .collect();
        format!("/runs?{}", parts.join("&"))
    });
    Ok(Page {
        layout: Layout::new(request, "Runs"),
        now_us: web.service.now_us(),
        working: Working::all(web),
        waiting: Waiting::all(web)?,
        runs,
        older,
        state: filter.state.clone(),
        schedule: filter.schedule.clone(),
        schedules: web.service.reading().project.schedules.keys().map(ToString::to_string).collect(),
    })
}

/// Runs nodes by hand.
pub async fn trigger(request: RequestContext, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let select: Vec<String> = fields.text("select").split_whitespace().map(str::to_owned).collect();
        let job = JobRequest {
            vars: variables(fields.raw("vars"))?,
            options: RunOptions { full_refresh: fields.ticked("full_refresh"), ..RunOptions::default() },
            select,
            retry_of: None,
        };
        let said = if job.select.is_empty() { "everything".to_owned() } else { job.select.join(" ") };
        let asked_by = request.identity.named();
        request.web.service.trigger(Trigger { schedule: None, request: job, asked_by })?;
        request.audit("ran", &said)?;
        Ok(fields.next("/runs"))
    });
    response::redirect_or_error(&request, done.await)
}
