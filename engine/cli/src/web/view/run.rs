//! Runs: in lists, and one with its nodes and log.

use super::{
    Data,
    job::{Waiting, Working, waiting, working},
    node_link,
};
use crate::web::{format, http_error::HttpError};
use engine_run::{
    history::{
        LogLine,
        lists::{NodeRun, RunFilter, RunRow},
    },
    redact::Mask,
    service::{LiveNode, LiveRun, Reading},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs of a page.
const RUNS: u32 = 50;
/// Lines of a log that are shown at first, and at once later.
const LINES: u32 = 500;

/// Runs, newest first, and what is at work and waits.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Runs {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// What is at work.
    pub working: Vec<Working>,
    /// What waits.
    pub waiting: Vec<Waiting>,
    /// What ran.
    pub runs: Vec<RunSummary>,
    /// Where older ones are.
    pub older: Option<String>,
    /// The state that all have; empty for any.
    pub state: String,
    /// The schedule that all have; empty for any.
    pub schedule: String,
    /// The schedules that there are.
    pub schedules: Vec<String>,
}

/// A run in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_us: i64,
    /// `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// How long it took.
    pub took_us: Option<i64>,
    /// The job that it was for.
    pub job: Option<i64>,
    /// Its schedule.
    pub schedule: Option<String>,
    /// Why it was wanted; `null` if it was typed in a terminal.
    pub cause: Option<String>,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// Nodes that were made.
    pub succeeded: u64,
    /// Nodes that were reused.
    pub reused: u64,
    /// Nodes that failed.
    pub failed: u64,
    /// Nodes that were skipped.
    pub skipped: u64,
}

impl From<RunRow> for RunSummary {
    fn from(run: RunRow) -> Self {
        Self {
            id: run.id,
            started_us: run.started_us,
            state: run.state,
            took_us: run.took_us,
            job: run.job,
            schedule: run.schedule,
            cause: run.cause,
            asked_by: run.asked_by,
            succeeded: run.succeeded,
            reused: run.reused,
            failed: run.failed,
            skipped: run.skipped,
        }
    }
}

/// One run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Run {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// The run.
    pub run: RunSummary,
    /// Whether it is at work in this process, where it can be cancelled.
    pub live: bool,
    /// Its nodes, those at work last.
    pub nodes: Vec<NodeResult>,
    /// The first lines of its log.
    pub log: Vec<Line>,
    /// The last of these lines; more are behind it.
    pub after: i64,
    /// Variables that it was given, as `NAME=VALUE`.
    pub vars: Vec<String>,
    /// Whether everything was made anew.
    pub full_refresh: bool,
    /// Whether there is something to retry.
    pub left: bool,
}

/// What a node did in a run, or does.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NodeResult {
    /// The run.
    pub run: String,
    /// The node, with its kind: `model.mart_average_check`.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where its page is.
    pub url: String,
    /// `succeeded`, `reused`, `failed`, `skipped`, `running`.
    pub status: String,
    /// What it does, if it is at work.
    pub doing: Option<String>,
    /// Rows written, so far.
    pub rows: Option<u64>,
    /// Rows in all, if it is at work and that is known.
    pub of_rows: Option<u64>,
    /// Events read, by streams.
    pub events: Option<u64>,
    /// Rows that went to the dead letters.
    pub rejected: Option<u64>,
    /// When it began.
    pub started_us: Option<i64>,
    /// How long it took, or has taken so far.
    pub took_us: i64,
    /// A few words, or the failure's message.
    pub note: Option<String>,
    /// `count` or `digest`, then the digest of source and target.
    pub verdict: Option<String>,
}

/// Lines of a run's log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Log {
    /// The lines.
    pub log: Vec<Line>,
    /// The last of them; more are behind it.
    pub after: i64,
}

/// A line of a log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// Its number.
    pub number: i64,
    /// When.
    pub at_us: i64,
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The name of the node that it is about; empty if it is about none.
    pub node: String,
    /// What was said.
    pub message: String,
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
    fn records(&self) -> RunFilter {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (state, schedule, before) = (given(&self.state), given(&self.schedule), given(&self.before));
        RunFilter { state, schedule, before, ..RunFilter::default() }
    }

    fn limit(&self) -> u32 {
        self.limit.unwrap_or(RUNS).clamp(1, 500)
    }

    /// Where the runs before that one are.
    fn older(&self, before: &str) -> String {
        let parts = [("state", self.state.as_str()), ("schedule", &self.schedule), ("before", before)];
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<String> = parts.map(|(name, value)| format!("{name}={}", format::url(value))).collect();
        format!("/runs?{}", parts.join("&"))
    }
}

/// Runs, newest first.
pub fn runs(data: &Data, filter: &Filter) -> Result<Runs, HttpError> {
    let mut runs = data.records.run_rows(&filter.records(), filter.limit() + 1)?;
    let more = runs.len() > filter.limit() as usize;
    runs.truncate(filter.limit() as usize);
    Ok(Runs {
        now_us: data.service.now_us(),
        working: working(data),
        waiting: waiting(data)?,
        older: runs.last().filter(|_| more).map(|last| filter.older(&last.id)),
        runs: runs.into_iter().map(RunSummary::from).collect(),
        state: filter.state.clone(),
        schedule: filter.schedule.clone(),
        schedules: data.service.reading().project.schedules.keys().map(ToString::to_string).collect(),
    })
}

/// The run whose id begins so.
pub fn find(data: &Data, id: &str) -> Result<RunSummary, HttpError> {
    let id = id.to_uppercase();
    let mut found = if id.len() >= 4 { data.records.runs_named(&id)? } else { vec![] };
    match found.len() {
        1 => Ok(found.remove(0).into()),
        0 => Err(HttpError::not_found("there is no such run; old ones are forgotten")),
        _ => Err(HttpError::not_found("more than one run begins like that; give more of the id")),
    }
}

/// One run.
pub fn run(data: &Data, id: &str) -> Result<Run, HttpError> {
    let now = data.service.now_us();
    let run = find(data, id)?;
    let live = data.service.live().into_iter().find(|live| live.work.run == run.id);
    let log = lines(data, &run.id, 0)?;
    let asked = data.records.request_of(&run.id)?;
    let mask = data.service.reading().mask.clone();
    let vars = asked.iter().flat_map(|asked| &asked.vars).map(|(name, value)| mask.text(&format!("{name}={value}")));
    let ended = run.state != "running" || live.is_none();
    Ok(Run {
        now_us: now,
        live: live.is_some(),
        nodes: nodes(data, &run, live.as_ref(), now)?,
        after: log.last().map_or(0, |line| line.number),
        log,
        vars: vars.collect(),
        full_refresh: asked.is_some_and(|asked| asked.options.full_refresh),
        left: ended && run.state != "succeeded",
        run,
    })
}

/// The lines of a run's log after that one.
pub fn log(data: &Data, id: &str, after: i64) -> Result<Log, HttpError> {
    let run = find(data, id)?;
    let log = lines(data, &run.id, after)?;
    Ok(Log { after: log.last().map_or(after, |line| line.number), log })
}

fn lines(data: &Data, run: &str, after: i64) -> Result<Vec<Line>, HttpError> {
    let mask = data.service.reading().mask.clone();
    let line = |(number, line): (i64, LogLine)| Line {
        number,
        at_us: line.at_us,
        level: line.level,
        node: line.node.as_deref().map_or(String::new(), node_link::name),
        message: mask.text(&line.message),
    };
    Ok(data.records.log_after(run, after, LINES)?.into_iter().map(line).collect())
}

/// Nodes that have ended as the records tell, and those at work.
fn nodes(data: &Data, run: &RunSummary, live: Option<&LiveRun>, now: i64) -> Result<Vec<NodeResult>, HttpError> {
    let reading = data.service.reading();
    let ended = data.records.node_runs(&run.id)?.into_iter().map(|node| ended(&reading, node));
    let mut all: Vec<NodeResult> = ended.collect();
    let working = live.iter().flat_map(|live| &live.nodes).filter(|(_, node)| node.status.is_none());
    all.extend(working.map(|(id, node)| NodeResult {
        run: run.id.clone(),
        node: id.to_string(),
        name: id.name().into_owned(),
        kind: id.kind().word().to_owned(),
        url: node_link::url(&reading.project, id),
        ..at_work(node, now)
    }));
    Ok(all)
}

/// What a node did.
pub fn ended(reading: &Reading, node: NodeRun) -> NodeResult {
    let mask: &Mask = &reading.mask;
    NodeResult {
        url: node_link::url_of(&reading.project, &node.node),
        name: node_link::name(&node.node),
        kind: node_link::kind(&node.node),
        run: node.run,
        node: node.node,
        status: node.status,
        doing: None,
        rows: node.rows,
        of_rows: None,
        events: node.events,
        rejected: node.rejected,
        started_us: node.started_us,
        took_us: node.took_us,
        note: node.note.map(|note| mask.text(&note)),
        verdict: node.verdict,
    }
}

fn at_work(node: &LiveNode, now: i64) -> NodeResult {
    NodeResult {
        run: String::new(),
        node: String::new(),
        name: String::new(),
        kind: String::new(),
        url: String::new(),
        status: "running".to_owned(),
        doing: Some(node.doing.to_owned()),
        rows: Some(node.rows).filter(|rows| *rows > 0),
        of_rows: node.of_rows,
        events: None,
        rejected: None,
        started_us: Some(node.started_us),
        took_us: now.saturating_sub(node.started_us).max(0),
        note: (node.retries > 0).then(|| format!("tried {} times", node.retries + 1)),
        verdict: None,
    }
}
