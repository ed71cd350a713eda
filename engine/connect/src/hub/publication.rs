//! How tables are written: staged, looked at, published in one step.

use crate::{
    arrow::digest::{Digest, RowDigester},
    hub::{error::Result, policy::Replaced, position::Position, rejected::RejectedRow},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::TableProvider,
};
use engine_language::{config::source::SourceTable, name::Name, table::TableDefinition};
use std::sync::Arc;

/// One atomic write.
#[derive(Clone, Debug)]
pub struct Publication {
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

/// An atomic write that has begun. Dropped without [`commit`](Self::commit), it leaves every table as it was.
#[async_trait::async_trait]
pub trait Publisher: Send + Sync {
    /// Opens a writer into a table's staging. Several may write at once; rows of one writer keep their order.
    async fn writer(&self, table: &Name) -> Result<Box<dyn Writer>>;

    /// The same, for the only writer into a merged table: it may leave out a row whose key comes again, if nothing but that
    /// key could be held against it.
    async fn writer_of_last(&self, table: &Name) -> Result<Box<dyn Writer>> {
        self.writer(table).await
    }

    /// Sets of columns in which no two rows of the table, as [`preview`](Self::preview) shows it, can be equal.
    fn unique(&self, _table: &Name) -> Vec<Vec<String>> {
        vec![]
    }

    /// The rows of a table as readers will see them after `commit`, before that is made ready: its indexes may still be on
    /// their way. Call it when all of its writers have finished. `None` where only [`preview`](Self::preview) shows them.
    async fn written(&self, _table: &Name) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(None)
    }

    /// The table as readers will see it after `commit`; call it when all writers have finished.
    async fn preview(&self, table: &Name) -> Result<Arc<dyn TableProvider>>;

    /// Digests rows as [`digest`](Self::digest) does it inside the system; `None` if it cannot, or not of such columns.
    fn digester(&self, _table: &Name) -> Option<Box<dyn RowDigester>> {
        None
    }

    /// The digest, made inside the system, of the written rows as readers will see them after `commit`; call it when all
    /// writers have finished. `None` if there is no [`digester`](Self::digester).
    async fn digest(&self, _table: &Name) -> Result<Option<Digest>> {
        Ok(None)
    }

    /// Opens a writer for the keys of all rows that stay: of a merged table, the others are deleted on `commit`. Their
    /// columns are the key's. `None` if the system cannot do that.
    async fn keeper(&self, _table: &Name) -> Result<Option<Box<dyn Writer>>> {
        Ok(None)
    }

    /// Whether rows can be taken in parts, by [`take`](Self::take).
    fn takes_parts(&self) -> bool {
        false
    }

    /// Takes the rows that were written since the last time into the publication, in the transaction that
    /// [`commit`](Self::commit) ends. If one of them is refused, it is as if none of them had been written, and what was taken
    /// before stays. Call it when all writers have finished; a table that is replaced is not taken in parts.
    async fn take(&self, _table: &Name) -> Result<()> {
        unreachable!("only asked of who takes parts")
    }

    /// Forgets the rows that were written since the last time, also those of a writer that has failed.
    async fn forget(&self, _table: &Name) -> Result<()> {
        unreachable!("only asked of who takes parts")
    }

    /// Values that became NULL on their way into staging, as the user chose.
    fn replaced(&self, _table: &Name) -> Vec<Replaced> {
        vec![]
    }

    /// Publishes rows, rejected rows and position in one step, or nothing.
    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>>;
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
