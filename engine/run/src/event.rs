//! What happens during a run. Terminal, log, history and web are its readers.

use crate::report::{CheckReport, NodeReport, RunOutcome};
use engine_connect::hub::topics::Lag;
use engine_language::graph::NodeId;
use std::{fmt, sync::Arc, time::Duration};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Its id, a ULID.
        run: String,
        /// How many steps it has.
        steps: usize,
    },
    /// A step began.
    StepStarted {
        /// Its node.
        node: NodeId,
        /// The word for what is done, such as `Replicating`.
        doing: &'static str,
    },
    /// A step moved on.
    StepProgress {
        /// Its node.
        node: NodeId,
        /// Rows so far.
        rows: u64,
        /// Bytes in memory of those rows.
        bytes: u64,
        /// Rows in all, if known.
        of_rows: Option<u64>,
    },
    /// Checks of a node were run, whatever came of them.
    Checked {
        /// Its node.
        node: NodeId,
        /// How they went.
        checks: Vec<CheckReport>,
    },
    /// How far a stream is behind the end of its topic.
    Lag {
        /// Its node.
        node: NodeId,
        /// Messages, by partition.
        partitions: Lag,
    },
    /// A step failed and will be tried again.
    StepRetried {
        /// Its node.
        node: NodeId,
        /// The try that failed, from 1.
        attempt: u32,
        /// Tries in all.
        of: u32,
        /// Why.
        reason: String,
        /// How long until the next one.
        wait: Duration,
    },
    /// A step ended, one way or another.
    StepFinished(Box<NodeReport>),
    /// Something worth a line in the log.
    Log {
        /// The node that it is about.
        node: Option<NodeId>,
        /// How loud.
        level: Level,
        /// One sentence.
        message: String,
    },
    /// The run ended.
    RunFinished {
        /// Its id.
        run: String,
        /// How it ended.
        outcome: RunOutcome,
        /// How long it took.
        took: Duration,
    },
}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For finding out.
    Debug,
    /// For knowing.
    Info,
    /// Should be looked at.
    Warn,
    /// Went wrong.
    Error,
}

/// Hears what happens. It must not block: runs wait for it.
pub trait Listener: Send + Sync {
    /// Takes an event and when it happened, in microseconds since 1970 UTC.
    fn hear(&self, at_us: i64, event: &Event);
}

/// The way out of a run.
#[derive(Clone, Default)]
pub struct Events {
    listeners: Vec<Arc<dyn Listener>>,
}

impl Events {
    /// Sends to all of these, in order.
    pub fn to(listeners: Vec<Arc<dyn Listener>>) -> Self {
        Self { listeners }
    }

    /// Says that something happened.
    pub fn send(&self, at_us: i64, event: &Event) {
        for listener in &self.listeners {
            listener.hear(at_us, event);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events(to {})", self.listeners.len())
    }
}
