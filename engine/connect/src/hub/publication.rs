//! How tables are written: staged, looked at, published in one step.

use super::{
    error::Result, loss::Loss, policy::Replaced, position::Position, rejected::RejectedRow, version::RowDigests,
};
use crate::arrow::digest::{Digest, RowDigester};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::TableProvider,
};
use engine_language::{config::source::SourceTable, name::Name, table::TableDefinition};
use std::sync::Arc;

/// Writes the tables of a system.
///
/// Readers see the table before a publication or the table after it, never anything between; a crash at any instant
/// leaves one of the two. What a crash leaves behind besides, the next [`recover`](Self::recover) removes.
#[async_trait::async_trait]
pub trait Sink: Send + Sync {
    /// What it can do, and how it is best used.
    fn facts(&self) -> SinkFacts;

    /// Begins one atomic write of one or more tables.
    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>>;

    /// Tries whether what a publication needs may be done, and leaves everything as it was. The tables are those that are to be
    /// replaced as a whole. Systems that cannot say so without writing answer that it may.
    async fn check_privileges(&self, _replaced: &[Name]) -> Result<()> {
        Ok(())
    }

    /// What of a table it cannot carry, before any row moves. `table` is what the source says of it.
    fn losses(&self, _table: &TableDefinition) -> Vec<Loss> {
        vec![]
    }

    /// Positions and dead letters, committed with the rows: a stream model may write it.
    fn positions(&self) -> Option<&dyn Positions> {
        None
    }

    /// Waits for what goes on behind publications that are done, such as removing the tables that they replaced.
    async fn finish_background(&self) {}

    /// Removes what crashed runs left behind and says how many things that were. Only called while no other run is at work.
    async fn recover(&self) -> Result<usize>;
}

/// Where pipelines stand: positions live in the system that they protect.
#[async_trait::async_trait]
pub trait Positions: Send + Sync {
    /// Where a pipeline stands in this target.
    async fn position(&self, pipeline: &Name) -> Result<Option<Position>>;
}

/// What a sink can do, and how it is best used.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkFacts {
    /// A table can be replaced as a whole in one step.
    pub replaces: bool,
    /// Rows can be merged and deleted by key.
    pub merges: bool,
    /// How many writers into one table at once are faster than one; see [`cores`](super::connection::cores).
    pub writers: usize,
    /// Whether the rows of a publication may be staged while one before it, of the same tables, is committed.
    pub stages_ahead: bool,
    /// Whether a table's [`Content`](super::version::Content) is the [`Digest`] of its rows, so that whoever writes all of
    /// them knows it.
    pub content_is_digest: bool,
}

impl Default for SinkFacts {
    fn default() -> Self {
        Self { replaces: false, merges: false, writers: 1, stages_ahead: false, content_is_digest: false }
    }
}

impl SinkFacts {
    /// All that a database can do, with one writer.
    pub const DATABASE: Self =
        Self { replaces: true, merges: true, writers: 1, stages_ahead: false, content_is_digest: true };
}

/// One atomic write.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The run's id, which staging tables and markers carry.
    pub run: String,
    /// The tables that change together.
    pub tables: Vec<Target>,
    /// The pipeline whose position moves with the rows, for streams and increments.
    pub pipeline: Option<Name>,
}

/// A table to be written.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the system.
    pub table: Name,
    /// The rows' columns, in the types of [`types`](crate::arrow::types).
    pub schema: SchemaRef,
    /// Key, constraints and indexes that the table gets when it is made.
    pub definition: TableDefinition,
    /// What becomes of the rows that are there.
    pub mode: Mode,
    /// What the project declares of the table, if it is a source's: how to create a topic.
    pub declared: Option<Arc<SourceTable>>,
}

/// What becomes of the rows that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Append,
    /// They go.
    Replace,
    /// Those of the same key are updated. Of several new rows of one key, the last one written wins.
    Merge {
        /// The columns that name a row.
        key: Vec<String>,
    },
    /// Those of the same key are deleted, then all new rows are added.
    DeleteInsert {
        /// The columns that name a row, or a set of rows.
        key: Vec<String>,
    },
}

/// How many writers fill a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Several may write at once.
    Several,
    /// No other writes: of a merged table, it may leave out a row whose key comes again, if nothing but that key could be
    /// held against it.
    Only,
}

/// A table as readers will see it.
pub struct Preview {
    /// Its rows.
    pub rows: Arc<dyn TableProvider>,
    /// Sets of columns in which no two rows can be equal.
    pub unique: Vec<Vec<String>>,
}

/// An atomic write that has begun. Dropped without [`commit`](Self::commit), it leaves every table as it was.
#[async_trait::async_trait]
pub trait Publication: Send + Sync {
    /// Opens a writer into a table's staging. Rows of one writer keep their order.
    async fn writer(&self, table: &Name, writers: Writers) -> Result<Box<dyn Writer>>;

    /// The rows of a table as readers will see them after `commit`, before that is made ready: its indexes may still be on
    /// their way. Call it when all of its writers have finished. `None` where only [`preview`](Self::preview) shows them.
    async fn written(&self, _table: &Name) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(None)
    }

    /// The table as readers will see it after `commit`; call it when all writers have finished.
    async fn preview(&self, table: &Name) -> Result<Preview>;

    /// Digests of written rows.
    fn server_digest(&self) -> Option<&dyn PublicationDigest> {
        None
    }

    /// Rows in chunks of one transaction, each of which is taken or was never written.
    fn chunks(&self) -> Option<&dyn ChunkedTransaction> {
        None
    }

    /// Deletion of rows by the keys of those that stay.
    fn key_sweep(&self) -> Option<&dyn KeySweep> {
        None
    }

    /// Values that became NULL on their way into staging, as the user chose.
    fn replaced(&self, _table: &Name) -> Vec<Replaced> {
        vec![]
    }

    /// Publishes rows, rejected rows and position in one step, or nothing.
    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>>;
}

/// Digests of written rows.
#[async_trait::async_trait]
pub trait PublicationDigest: Send + Sync {
    /// Digests rows here as the system does it; `None` if it cannot, or not of such columns.
    fn digester(&self, _table: &Name) -> Option<Box<dyn RowDigester>> {
        None
    }

    /// The digest that the system makes inside itself of the written rows as readers will see them after `commit`; call it
    /// when all writers have finished. `None` if there is no [`digester`](Self::digester).
    async fn digest(&self, _table: &Name) -> Result<Option<Digest>> {
        Ok(None)
    }

    /// The digests by which the rows that `commit` adds to a table count in its [`Content`](super::version::Content).
    /// `written` is the digest of the rows as they were given. `None` unless just these rows are added, as they are, and
    /// no other row changes. Call it when all writers have finished.
    async fn added(&self, _table: &Name, _written: Digest) -> Result<Option<RowDigests>> {
        Ok(None)
    }
}

/// Rows in chunks of the transaction that [`commit`](Publication::commit) ends.
#[async_trait::async_trait]
pub trait ChunkedTransaction: Send + Sync {
    /// Takes the rows that were written since the last time into the transaction. If one of them is refused, it is as if none
    /// of them had been written, and what was taken before stays. Call it when all writers have finished; a table that is
    /// replaced is not taken in chunks.
    async fn take(&self, table: &Name) -> Result<()>;

    /// Forgets the rows that were written since the last time, also those of a writer that has failed.
    async fn forget(&self, table: &Name) -> Result<()>;
}

/// Deletes the rows of a merged table whose keys are not among those that stay.
#[async_trait::async_trait]
pub trait KeySweep: Send + Sync {
    /// Opens a writer for the keys of all rows that stay: the others are deleted on `commit`. Its columns are the key's.
    async fn keys(&self, table: &Name) -> Result<Box<dyn Writer>>;
}

/// One stream of rows into staging.
#[async_trait::async_trait]
pub trait Writer: Send {
    /// Adds rows.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;
    /// What becomes of rows that may be superseded.
    fn waiting(&mut self) -> Waiting {
        Waiting::Not
    }
    /// Says that there are no more, and how many there were.
    async fn finish(self: Box<Self>) -> Result<u64>;
}

/// What a writer does with rows that others of the same key may supersede.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It sends them as they come.
    Not,
    /// They wait, and as many again as came at once find room.
    Some,
    /// They wait, and there is no more room: most of them are sent when more come.
    Full,
}

/// What is published along with the rows.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The pipeline's move; refused with [`Blame::Rival`](crate::hub::error::Blame::Rival) if it does not stand at `from`.
    pub advance: Option<Advance>,
    /// Rows that could not be read, for the dead letters; one that is there already gets the new reason.
    pub rejected: Vec<RejectedRow>,
    /// Dead letters of the pipeline that go; refused with [`Blame::Rival`](crate::hub::error::Blame::Rival) if one is gone already.
    pub settled: Vec<DeadLetter>,
    /// Whether the tables are said to hold just what was written: where a target makes something else of it by itself, nothing
    /// is published.
    pub exact: bool,
}

/// Where a dead letter comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetter {
    /// The topic or file.
    pub source: String,
    /// The partition; 0 where there are none.
    pub partition: u32,
    /// The offset in it.
    pub offset: i64,
}

/// A pipeline's move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Where it stood when the rows were read.
    pub from: Option<Position>,
    /// Where it stands after them.
    pub to: Position,
}

/// What was published of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The table.
    pub table: Name,
    /// Rows that went into staging.
    pub rows: u64,
}
