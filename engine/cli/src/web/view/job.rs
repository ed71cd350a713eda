//! Jobs: runs that are at work, that wait, and that are asked for.

use super::Data;
use crate::web::http_error::HttpError;
use engine_run::{
    schedule::record::{self, JobRequest, JobState},
    service::LiveRun,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run at work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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

/// A job that waits.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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

/// A run that is wanted, and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Its schedule; `null` if somebody asked for nodes.
    pub schedule: Option<String>,
    /// `due`, `after`, `hand`, `backfill`.
    pub cause: &'static str,
    /// The backfill that it is a part of.
    pub batch: Option<String>,
    /// The interval that it stands for.
    pub tick: Interval,
    /// What it is to do.
    pub wanted: Request,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// `waiting`, `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// It does not begin before.
    pub ready_us: i64,
    /// How often it failed.
    pub failures: u32,
    /// How often it was cut off.
    pub cuts: u32,
    /// Whether it was said to be late.
    pub late: bool,
    /// Its last run.
    pub run: Option<String>,
    /// When its first run began.
    pub started_us: Option<i64>,
    /// When it ended for good.
    pub ended_us: Option<i64>,
    /// Why it failed, in one sentence.
    pub said: Option<String>,
}

/// The interval that a run stands for.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Interval {
    /// Its end, which is when the run is due.
    pub at_us: i64,
    /// Its start.
    pub from_us: i64,
}

/// What a job is to do beyond what its schedule says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "JobRequest")]
pub struct Request {
    /// Nodes, in selection syntax; empty is what the schedule selects, or everything.
    pub select: Vec<String>,
    /// Variables.
    pub vars: BTreeMap<String, String>,
    /// Whether everything is made anew.
    pub full_refresh: bool,
    /// The run whose rest it is.
    pub retry_of: Option<String>,
}

/// What is to be run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunRequest {
    /// A schedule; without it, nodes.
    pub schedule: Option<String>,
    /// Nodes, in selection syntax; empty is everything.
    pub select: Vec<String>,
    /// Variables.
    pub vars: BTreeMap<String, String>,
    /// Whether everything is made anew.
    pub full_refresh: bool,
}

/// A job that was accepted or taken back.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct JobId {
    /// Its number.
    pub job: i64,
}

/// A run that was cancelled.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunId {
    /// Its id.
    pub run: String,
}

/// The runs at work.
pub fn working(data: &Data) -> Vec<Working> {
    let run = |run: LiveRun| Working {
        id: run.work.run.clone(),
        name: run.work.schedule.clone().unwrap_or_else(|| "by hand".to_owned()),
        started_us: run.started_us,
        done: run.nodes.values().filter(|node| node.status.is_some()).count(),
        all: run.steps.max(run.nodes.len()),
        now: run.nodes.iter().filter(|(_, node)| node.status.is_none()).map(|(id, _)| id.name().into_owned()).collect(),
    };
    data.service.live().into_iter().map(run).collect()
}

/// All jobs that wait, but for the intervals of backfills behind the first few.
pub fn waiting(data: &Data) -> Result<Vec<Waiting>, HttpError> {
    let reading = data.service.reading();
    let jobs = data.records.open_jobs(reading.project.target.as_str())?;
    let job = |job: record::Job| Waiting {
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
        said: job.reason.map(|said| reading.mask.text(&said)),
    };
    Ok(jobs.into_iter().filter(|job| job.state == JobState::Waiting).take(50).map(job).collect())
}

/// A run that is wanted, and what became of it.
pub fn job(data: &Data, id: i64) -> Result<Job, HttpError> {
    let job = data.records.job(id)?.ok_or_else(|| HttpError::not_found("there is no such job"))?;
    let mask = data.service.reading().mask.clone();
    let JobRequest { select, vars, options, retry_of } = job.request;
    let full_refresh = options.full_refresh;
    let vars = vars.into_iter().map(|(name, value)| (name, mask.text(&value))).collect();
    Ok(Job {
        id: job.id,
        schedule: job.schedule,
        cause: job.cause.word(),
        batch: job.batch,
        tick: Interval { at_us: job.tick.at_us, from_us: job.tick.from_us },
        wanted: Request { select, vars, full_refresh, retry_of },
        asked_by: job.asked_by,
        state: job.state.word().to_owned(),
        ready_us: job.ready_us,
        failures: job.failures,
        cuts: job.cuts,
        late: job.late,
        run: job.run,
        started_us: job.started_us,
        ended_us: job.ended_us,
        said: job.reason.map(|said| mask.text(&said)),
    })
}
