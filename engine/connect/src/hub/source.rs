//! How tables are read.

use super::{
    error::Result,
    position::Position,
    rejected::Rejects,
    version::{Content, ContentFrom, RowDigests},
};
use crate::arrow::{
    digest::{Digest, RowDigester},
    types::schema,
};
use datafusion::{catalog::TableProvider, datasource::empty::EmptyTable};
use engine_language::{
    config::source::SourceTable,
    name::Name,
    table::{Column, TableDefinition},
};
use std::{fmt, sync::Arc, time::Duration};

/// Reads the tables of a system.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// The definition of a table; `None` if it does not exist.
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>>;

    /// Whether the table is there.
    async fn is_there(&self, table: &TableRequest) -> Result<bool> {
        Ok(self.describe(table).await?.is_some())
    }

    /// Opens tables, all of them as of one instant. Each `since` continues after an earlier read. A table that is not there
    /// is an error: nobody could tell it from an empty one. Where the project allows that, the
    /// [connection](super::connection::Connection) opens it by [`open_missing`](Self::open_missing).
    async fn open(&self, request: ReadRequest) -> Result<Snapshot>;

    /// Opens a table that is not there and may be missing: it has the declared columns, and no rows.
    async fn open_missing(&self, table: &TableRequest) -> Result<OpenTable> {
        Ok(OpenTable::empty(table))
    }

    /// What tells whether the rows of a table changed; `None` if the table is not there, or the system cannot tell. `last`
    /// is an earlier answer: it is given again, as it is, if that is enough to know that nothing changed.
    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>>;

    /// What stands for the rows of a table after these were added to those of `last` by one publication, which changed no
    /// other; `None` if the system has to be asked. Nobody looks whether `last` was still true.
    fn content_after_append(&self, _last: &Content, _added: &RowDigests) -> Option<Content> {
        None
    }

    /// From what the content of an opened table is known without asking.
    fn content_from(&self) -> ContentFrom {
        ContentFrom::Asking
    }
}

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
    /// Whether the project says that the table may be missing: it does by `optional`, and of a topic also by how to create it.
    pub fn may_be_missing(&self) -> bool {
        self.declared.as_ref().is_some_and(|declared| declared.optional || declared.create.is_some())
    }

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
pub struct Snapshot {
    /// The tables.
    pub tables: Vec<OpenTable>,
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
    /// What tells its version at this instant; `None` where the system has to be asked before.
    pub instant: Option<Arc<dyn Instant>>,
}

/// What a system knows of an opened table at its instant.
pub trait Instant: Send + Sync {
    /// The digests that it makes inside; `None` if it cannot, or not of such columns.
    fn server_digest(&self) -> Option<&dyn TableDigest> {
        None
    }

    /// What stands for the table's rows, without asking again, by digests of the rows if all of them were read.
    fn content(&self, read: &RowDigests) -> Option<Content>;
}

/// Digests of a table's rows that a system makes inside itself.
#[async_trait::async_trait]
pub trait TableDigest: Send + Sync {
    /// Digests rows here as the system does it.
    fn digester(&self) -> Option<Box<dyn RowDigester>>;

    /// The digest of all rows, as of the table's instant; `None` if there is no [`digester`](Self::digester).
    async fn digest(&self) -> Result<Option<Digest>>;
}

impl OpenTable {
    /// The declared columns, and no rows.
    pub fn empty(table: &TableRequest) -> Self {
        let declared = table.declared.iter().flat_map(|declared| &declared.columns);
        let columns = declared.map(|(name, kind)| Column::new(&name.value, kind.value.clone())).collect();
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        Self {
            provider: Arc::new(EmptyTable::new(schema(&definition))),
            definition,
            next: None,
            more: false,
            size_bytes: None,
            rejected: Rejects::default(),
            instant: None,
        }
    }

    /// Digests rows here as the system does it; `None` if it does not.
    pub fn digester(&self) -> Option<Box<dyn RowDigester>> {
        self.instant.as_ref()?.server_digest()?.digester()
    }

    /// The digest that the system makes inside of the table's rows.
    pub async fn digest(&self) -> Result<Option<Digest>> {
        match self.instant.as_ref().and_then(|instant| instant.server_digest()) {
            Some(inside) => inside.digest().await,
            None => Ok(None),
        }
    }

    /// What stands for the table's rows at its instant, by digests of them if all were read; `None` if the system has to be
    /// asked.
    pub fn content(&self, read: &RowDigests) -> Option<Content> {
        self.instant.as_ref()?.content(read)
    }
}

impl fmt::Debug for OpenTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTable")
            .field("definition", &self.definition)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
