//! How a run went, node by node.

use crate::sql::operators::Operator;
use engine_connect::{
    arrow::digest::Digest,
    hub::{policy::Replaced, topics::Lag},
};
use engine_language::{diagnostic::Diagnostic, files::Span, graph::NodeId, model::CheckSeverity};
use std::time::Duration;

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run's id, a ULID.
    pub run: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Its nodes, in the order in which they ended.
    pub nodes: Vec<NodeReport>,
    /// How long it took.
    pub took: Duration,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Every node succeeded or was reused.
    Succeeded,
    /// Some node failed.
    Failed,
    /// The user stopped it.
    Cancelled,
}

/// How a node went.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// How it ended.
    pub status: Status,
    /// The word for what was done: `Generated`, `Replicated`, `Streamed`, `Succeeded`, `Seeded`, `Tested`.
    pub done: &'static str,
    /// Rows written; of a stream, rows that left the model.
    pub rows: Option<u64>,
    /// Events read, by streams.
    pub events: Option<u64>,
    /// Rows that went to the dead letters.
    pub rejected: u64,
    /// How far a stream is behind the end of its topic.
    pub lag: Option<Lag>,
    /// Bytes of the rows in memory.
    pub bytes: u64,
    /// Its checks, in order.
    pub checks: Vec<CheckReport>,
    /// What comparing source and copy said.
    pub verdict: Option<Verdict>,
    /// Values that became NULL because they could not be carried, as the user chose.
    pub replaced: Vec<Replaced>,
    /// What its query's operators did, if it ran one to the end.
    pub operators: Vec<Operator>,
    /// A few words more, such as `unchanged since 14:02` or `upstream mart_x failed`.
    pub note: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it began, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// How long it took.
    pub took: Duration,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Succeeded,
    /// Nothing had changed.
    Reused,
    /// Not done, and its table is as it was.
    Failed,
    /// Not tried, because a node before it failed or the run was stopped.
    Skipped,
}

/// How a check went.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// What it checks, such as `not_null(average_check)`.
    pub name: String,
    /// What breaking it means.
    pub severity: CheckSeverity,
    /// Rows that break it; 0 is passed.
    pub failing: u64,
    /// A few of them, drawn as text.
    pub examples: Vec<String>,
    /// Where it is asked for.
    pub span: Option<Span>,
}

/// What comparing source and copy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Of the rows as they were read.
    pub source: Digest,
    /// Of the rows as the target holds them.
    pub target: Digest,
    /// What was compared.
    pub compared: Compared,
}

/// What was compared of source and copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The numbers of rows.
    Count,
    /// A digest of the rows read, against one of the rows read back from the target.
    ReadBack,
    /// A digest of the rows read, against one made inside the target.
    Target,
    /// Digests made inside both systems, each against that of the rows read.
    Both,
}

impl Compared {
    /// The word for it, in records and artifacts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::ReadBack => "read_back",
            Self::Target => "target",
            Self::Both => "both",
        }
    }
}

/// Why a node failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What to show: code, message, place, help.
    pub diagnostic: Diagnostic,
    /// Whether trying again can help.
    pub retry: bool,
}

impl NodeReport {
    /// A report with nothing to say yet.
    pub fn new(node: NodeId, status: Status, started_us: i64) -> Self {
        Self {
            node,
            status,
            done: "Succeeded",
            rows: None,
            events: None,
            rejected: 0,
            lag: None,
            bytes: 0,
            checks: vec![],
            verdict: None,
            replaced: vec![],
            operators: vec![],
            note: None,
            failure: None,
            started_us,
            took: Duration::ZERO,
        }
    }
}

/// Why a run failed, in one sentence.
pub fn reason(report: &Report) -> String {
    let first = report.nodes.iter().find_map(|node| Some((node, node.failure.as_ref()?)));
    first.map_or_else(
        || "the run failed".to_owned(),
        |(node, failure)| {
            format!("`{}`: {} {}", node.node.name(), failure.diagnostic.code.id, failure.diagnostic.message)
        },
    )
}
