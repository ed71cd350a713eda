//! What the scheduler reads and writes: records of schedules, jobs and runs.

use super::{
    Tick,
    record::{Job, JobState, NewJob, RunEnd, ScheduleRecord},
};
use std::{collections::BTreeMap, fmt::Display};

/// The records of one target.
pub trait Store {
    /// Why the records could not be read or written.
    type Error: Display;

    /// All schedules, by name.
    fn schedules(&self) -> Result<BTreeMap<String, ScheduleRecord>, Self::Error>;

    /// Jobs that wait or are at work, oldest first.
    fn open_jobs(&self) -> Result<Vec<Job>, Self::Error>;

    /// How a run ended; `None` if it did not end by itself, as far as is known.
    fn run_end(&self, run: &str) -> Result<Option<RunEnd>, Self::Error>;

    /// Makes all changes, or none of them if one does not fit what is recorded by now; answers which one does not.
    fn apply(&self, changes: &[Change], now_us: i64) -> Result<Applied, Self::Error>;
}

/// Whether changes were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// All of them.
    All,
    /// None: the one at this place does not fit what is recorded by now.
    Stale(usize),
}

/// A change of the records. Each says under which condition it fits.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The ticks of a schedule up to `to_us` are run or let go. Fits if it stands where it was read.
    Decide {
        /// The schedule.
        schedule: String,
        /// Up to where its ticks were decided.
        from_us: Option<i64>,
        /// Up to where they are now.
        to_us: i64,
    },
    /// A schedule can run since then.
    Ready {
        /// The schedule.
        schedule: String,
        /// Since when.
        at_us: i64,
    },
    /// No schedule could run before then; those that could not run for longer are left alone.
    AllReady {
        /// Since when.
        at_us: i64,
    },
    /// A job is wanted.
    Add(NewJob),
    /// A run was made of a schedule outside of the service, and is over.
    AddEnded {
        /// Its job.
        job: NewJob,
        /// The run.
        run: String,
        /// How it ended, for good.
        end: End,
    },
    /// A job stands for one more interval. Fits if it waits and was never begun.
    Extend {
        /// The job.
        job: i64,
        /// What it stands for, too.
        tick: Tick,
    },
    /// A job's run begins. Fits if the job waits.
    Begin {
        /// The job.
        job: i64,
        /// The run.
        run: String,
    },
    /// The run of a job is over. Fits if the job is at work in this run.
    End {
        /// The job.
        job: i64,
        /// The run.
        run: Option<String>,
        /// What becomes of the job.
        end: End,
    },
    /// A job that waits is not to be begun. Fits if it waits.
    Withdraw {
        /// The job.
        job: i64,
        /// Why.
        reason: String,
    },
    /// A job is late.
    Late {
        /// The job.
        job: i64,
    },
    /// Somebody is to be told.
    Alert {
        /// The schedule.
        schedule: String,
        /// The job, if it is known.
        job: Option<i64>,
        /// The run, if there was one.
        run: Option<String>,
        /// `failed` or `late`.
        kind: &'static str,
        /// One sentence.
        reason: String,
    },
}

/// What becomes of a job whose run is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done.
    Succeeded,
    /// It failed for good.
    Failed(String),
    /// It failed, and is tried again at that time.
    Again {
        /// Why.
        reason: String,
        /// When.
        ready_us: i64,
    },
    /// Its run was stopped with the service or never began; it waits again.
    Stopped,
    /// It was cut off with the whole process; it waits again.
    Cut,
    /// It was cut off with the whole process, and does not go on.
    Interrupted,
    /// Somebody cancelled it.
    Cancelled(String),
}

impl End {
    /// The state of the job after it.
    pub fn state(&self) -> JobState {
        match self {
            Self::Succeeded => JobState::Succeeded,
            Self::Failed(_) => JobState::Failed,
            Self::Again { .. } | Self::Stopped | Self::Cut => JobState::Waiting,
            Self::Interrupted => JobState::Interrupted,
            Self::Cancelled(_) => JobState::Cancelled,
        }
    }

    /// Why, in one sentence.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(reason) | Self::Again { reason, .. } | Self::Cancelled(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether it counts as a failure.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Again { .. })
    }

    /// Whether it counts as cut off.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Cut | Self::Interrupted)
    }

    /// When the job may begin again.
    pub fn ready_us(&self, now_us: i64) -> i64 {
        if let Self::Again { ready_us, .. } = self { *ready_us } else { now_us }
    }
}
