//! What is recorded of schedules and of the runs that they are to make.

use super::Tick;
use crate::options::RunOptions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A schedule, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleRecord {
    /// Ticks up to here have been run or let go; `None` if it was never due.
    #[serde(rename = "settled_us")]
    pub decided_us: Option<i64>,
    /// Since when it could have run.
    pub ready_us: i64,
    /// When and by whom it was paused.
    pub paused: Option<(i64, String)>,
}

/// What a job is to do beyond what its schedule says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRequest {
    /// Nodes, in selection syntax; empty is what the schedule selects, or everything.
    pub select: Vec<String>,
    /// Values for `var('name')`, on top of the project's.
    pub vars: BTreeMap<String, String>,
    /// How it is to be done.
    #[serde(flatten, skip_deserializing)]
    pub options: RunOptions,
    /// Only what this run did not bring to a good end, for the interval that the run stood for.
    pub retry_of: Option<String>,
}

impl JobRequest {
    /// What was written as JSON. The options stand beside the other fields, and are read by themselves: numbers of any
    /// precision cannot be read through a flattened field.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        Ok(Self { options: serde_json::from_str(text)?, ..serde_json::from_str(text)? })
    }
}

/// A run that is wanted, at work, or done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Its schedule; `None` if somebody asked for nodes.
    pub schedule: Option<String>,
    /// Why it is wanted.
    pub cause: Cause,
    /// The backfill that it is a part of.
    pub batch: Option<String>,
    /// What it stands for.
    pub tick: Tick,
    /// What it is to do.
    #[serde(rename = "wanted")]
    pub request: JobRequest,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// Whether it waits, is at work, or how it ended.
    pub state: JobState,
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
    #[serde(rename = "said")]
    pub reason: Option<String>,
}

impl Job {
    /// The interval that its run stands for: that of its tick, or none but the run's start if somebody asked for it.
    pub fn interval_us(&self, now_us: i64) -> (i64, i64) {
        let by_hand = self.cause == Cause::Hand && self.request.retry_of.is_none();
        if by_hand { (now_us, now_us) } else { (self.tick.from_us, self.tick.at_us) }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It is to begin.
    Waiting,
    /// Its run is at work.
    Running,
    /// It is done.
    Succeeded,
    /// It failed for good.
    Failed,
    /// Somebody cancelled it, or its schedule is gone.
    Cancelled,
    /// It was cut off, and does not go on.
    Interrupted,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Interrupted];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the job is still to be done.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// Why a run is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The time of its schedule has come.
    Due,
    /// The schedule that it comes after has succeeded.
    After,
    /// Somebody asked for it.
    Hand,
    /// It is an interval of a backfill.
    Backfill,
}

impl Cause {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::After => "after",
            Self::Hand => "hand",
            Self::Backfill => "backfill",
        }
    }

    /// The cause of that word.
    pub fn parse(word: &str) -> Self {
        match word {
            "due" => Self::Due,
            "after" => Self::After,
            "backfill" => Self::Backfill,
            _ => Self::Hand,
        }
    }
}

/// A job that is not recorded yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Its schedule.
    pub schedule: Option<String>,
    /// Why it is wanted.
    pub cause: Cause,
    /// The backfill that it is a part of.
    pub batch: Option<String>,
    /// What it stands for.
    pub tick: Tick,
    /// What it is to do.
    pub request: JobRequest,
    /// Who asked for it.
    pub asked_by: Option<String>,
}

impl NewJob {
    /// A job for a tick of a schedule.
    pub fn of_schedule(schedule: &str, cause: Cause, tick: Tick) -> Self {
        let (schedule, request) = (Some(schedule.to_owned()), JobRequest::default());
        Self { schedule, cause, batch: None, tick, request, asked_by: None }
    }
}

/// How the run of a job ended, as far as its own record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All of it was done.
    Succeeded,
    /// Some of it failed, or somebody stopped it.
    Failed,
}
