//! How tables are read.

use super::{position::Position, rejected::Rejects};
use datafusion::catalog::TableProvider;
use engine_language::{config::source::SourceTable, name::Name, table::TableDefinition};
use std::{any::Any, fmt, sync::Arc, time::Duration};

/// Tables to be opened as of one instant.
#[derive(Clone, Debug, Default)]
pub struct ReadRequest {
    /// The tables.
    pub tables: Vec<TableRequest>,
}

/// A table to be opened.
#[derive(Clone, Debug)]
pub struct TableRequest {
    /// Its name in the system.
    pub table: Name,
    /// What the project declares of it: columns, format, key.
    pub declared: Option<Arc<SourceTable>>,
    /// Continue after this place; `None` is from the beginning.
    pub since: Option<Position>,
    /// How much to read at most, for streams; `None` is all.
    pub limit: Option<BatchLimit>,
    /// The kind of the system that the rows only pass to. Where it is the same kind, values go over as they are, also
    /// those that no query here could read; see [`Column::native`](engine_language::table::Column::native).
    pub bound_for: Option<&'static str>,
    /// For increments of a table: what tells which rows are new.
    pub cursor: Option<Cursor>,
}

/// What tells which rows of a table are new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// A column that only grows.
    pub column: String,
    /// How far behind its greatest value rows may still be committed. `None` leaves it to the system, which then has to
    /// know of itself which rows were not to be seen the last time.
    pub overlap: Option<Duration>,
}

impl TableRequest {
    /// All of a table about which nothing is declared.
    pub fn all(table: impl Into<Name>) -> Self {
        Self { table: table.into(), declared: None, since: None, limit: None, bound_for: None, cursor: None }
    }
}

/// The size of a stream's micro-batch; whichever is reached first ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    /// Rows.
    pub rows: u64,
    /// Bytes of the messages.
    pub bytes: u64,
    /// How long to wait for them.
    pub time: Duration,
}

/// Opened tables, in the order asked for. The instant is held until this and all streams from it are dropped.
pub struct Reading {
    /// The tables.
    pub tables: Vec<OpenTable>,
    /// What holds the instant open, such as a connection with a transaction.
    pub snapshot: Option<Arc<dyn Any + Send + Sync>>,
}

/// An opened table.
pub struct OpenTable {
    /// Its rows; scans stream them.
    pub provider: Arc<dyn TableProvider>,
    /// Its key and other rules, as far as the system tells.
    pub definition: TableDefinition,
    /// Where this reading ends; a later one continues there. `None` if the system has no positions.
    pub next: Option<Position>,
    /// Whether there is already more after `next`.
    pub more: bool,
    /// About how much room it takes where it is; `None` if the system does not tell at once.
    pub size_bytes: Option<u64>,
    /// What could not be read as declared; complete once the rows have been drained.
    pub rejected: Rejects,
}

impl fmt::Debug for OpenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTable")
            .field("definition", &self.definition)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
