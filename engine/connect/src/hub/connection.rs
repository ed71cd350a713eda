//! What a connector is, and what one system can do.

use crate::{
    arrow::digest::{Digest, RowDigester},
    hub::{
        error::Result,
        loss::Loss,
        position::{Position, Token},
        publication::{Publication, Publisher},
        rejected::RejectedRow,
        source::{OpenTable, ReadRequest, Reading, TableRequest},
        topics::{Lag, Offsets, Start},
        type_map::TypeMap,
    },
};
use engine_language::{config::source::SourceTable, diagnostic::Diagnostic, name::Name, table::TableDefinition};
use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A kind of external system, such as `sqlite`.
pub trait Connector: 'static {
    /// The word after `type =`.
    const KIND: &'static str;
    /// The other fields of the TOML table.
    type Config: serde::de::DeserializeOwned + schemars::JsonSchema;
    /// Pure: no I/O, so that `engine check` works offline.
    fn connect(place: &Declaration<'_>, config: Self::Config) -> Result<Arc<dyn Connection>, Diagnostic>;
    /// What becomes of its types, for documentation.
    fn types() -> TypeMap {
        TypeMap::default()
    }
}

/// Where a connection is declared.
#[derive(Clone, Debug)]
pub struct Declaration<'a> {
    /// The connection's name.
    pub name: &'a Name,
    /// The place of its table in the file.
    pub span: engine_language::files::Span,
    /// The project's root; relative paths start here.
    pub root: &'a Path,
}

impl Declaration<'_> {
    /// A path as the user wrote it, made absolute.
    pub fn path(&self, written: impl AsRef<Path>) -> PathBuf {
        self.root.join(written)
    }
}

/// One external system, as one TOML table describes it. It opens on first use.
///
/// Readers see the table before a publication or the table after it, never anything between; a crash at any instant
/// leaves one of the two. What a crash leaves behind besides, the next [`recover`](Self::recover) removes.
#[async_trait::async_trait]
pub trait Connection: Debug + Send + Sync {
    /// What it can do; `check` and `plan` ask before a run does.
    fn abilities(&self) -> Abilities;

    /// Why a table of a source cannot be what the project declares, and what to do; seen without I/O.
    fn refuses(&self, _table: &SourceTable) -> Option<(String, &'static str)> {
        None
    }

    /// Tries the connection and says what stands behind it, such as "SQLite 3.50 at .engine/data/shop.db".
    async fn ping(&self) -> Result<String>;

    /// The tables that users may read, sorted; not the engine's own.
    async fn tables(&self) -> Result<Vec<Name>>;

    /// The definition of a table; `None` if it does not exist.
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>>;

    /// Whether the table is there.
    async fn is_there(&self, table: &TableRequest) -> Result<bool> {
        Ok(self.describe(table).await?.is_some())
    }

    /// Opens tables, all of them as of one instant. Each `since` continues after an earlier read.
    async fn read(&self, request: ReadRequest) -> Result<Reading>;

    /// What tells whether a table changed; `None` if the system cannot tell. `last` is an earlier answer.
    async fn token(&self, table: &TableRequest, last: Option<&Token>) -> Result<Option<Token>>;

    /// Digests rows as [`digest`](Self::digest) does it inside the system; `None` if it cannot, or not of such columns.
    fn digester(&self, _open: &OpenTable) -> Option<Box<dyn RowDigester>> {
        None
    }

    /// The digest of an opened table's rows, made inside the system and as of its instant; `None` if there is no
    /// [`digester`](Self::digester).
    async fn digest(&self, _reading: &Reading, _open: &OpenTable) -> Result<Option<Digest>> {
        Ok(None)
    }

    /// The token of a table all of whose rows were read, without asking again, by what [`digester`](Self::digester) made
    /// of them. `None` if the system cannot tell.
    fn stamp(&self, _reading: &Reading, _open: &OpenTable, _digest: Option<Digest>) -> Option<Token> {
        None
    }

    /// The same by the plain digest of the rows, of columns for which there is no [`digester`](Self::digester).
    fn stamp_plain(&self, _reading: &Reading, _open: &OpenTable, _digest: Digest) -> Option<Token> {
        None
    }

    /// Whether the token of a table is the [`Digest`] of its rows, so that whoever writes all of
    /// them knows it.
    fn tokens_are_digests(&self) -> bool {
        true
    }

    /// The word after `type =`. Tables pass between systems of one kind as they are, where both sides know how.
    fn kind(&self) -> &'static str {
        ""
    }

    /// How many writers into one table at once are faster than one; see [`cores`].
    fn writers(&self) -> usize {
        1
    }

    /// What of a table it cannot carry, before any row moves. `table` is what the source says of it.
    fn losses(&self, _table: &TableDefinition) -> Vec<Loss> {
        vec![]
    }

    /// Begins one atomic write of one or more tables.
    async fn write(&self, publication: Publication) -> Result<Box<dyn Publisher>>;

    /// Tries whether what a publication needs may be done, and leaves everything as it was. The tables are those that are to be
    /// replaced as a whole. Systems that cannot say so without writing answer that it may.
    async fn try_writing(&self, _replaced: &[Name]) -> Result<()> {
        Ok(())
    }

    /// Whether the rows of a publication may be staged while one before it, of the same tables, is committed.
    fn stages_ahead(&self) -> bool {
        false
    }

    /// Where a pipeline stands in this target: positions live in the system that they protect.
    async fn position(&self, pipeline: &Name) -> Result<Option<Position>>;

    /// How far a reader that stands at the request's `since` is behind the end; `None` if the system cannot tell.
    async fn lag(&self, table: &TableRequest) -> Result<Option<Lag>> {
        let _ = table;
        Ok(None)
    }

    /// The position of a reader that begins there; `None` if the system has none.
    async fn start(&self, table: &TableRequest, at: Start) -> Result<Option<Position>> {
        let _ = (table, at);
        Ok(None)
    }

    /// The position of a reader that stood at the request's `since` and then read these partitions up to these offsets.
    /// `None` if the system has none.
    async fn passed(&self, table: &TableRequest, next: &Offsets) -> Result<Option<Position>> {
        let _ = (table, next);
        Ok(None)
    }

    /// The message at a place, as it would be rejected for this reason; `None` if it is not there.
    async fn message(&self, table: &TableRequest, at: (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
        let _ = (table, at, reason);
        Ok(None)
    }

    /// Decodes messages that were rejected before, as a reading of the table would. What a dead letter does not hold is
    /// not among the columns. `None` if the system has no messages.
    async fn again(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let _ = (table, rejected);
        Ok(None)
    }

    /// The same of the messages as their topic still holds them, with all columns. Those that it does not hold any more are
    /// rejected. `None` if the system cannot do that.
    async fn again_whole(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let _ = (table, rejected);
        Ok(None)
    }

    /// Tells the system how far a pipeline has come that reads from it, for those who watch it there. Nothing is ever read
    /// back, and nothing depends on it.
    async fn tell(&self, pipeline: &Name, at: &Position) -> Result<()> {
        let _ = (pipeline, at);
        Ok(())
    }

    /// Waits for what goes on behind publications that are done, such as removing the tables that they replaced.
    async fn tidied(&self) {}

    /// Removes what crashed runs left behind and says how many things that were. Only called while no other run is at work.
    async fn recover(&self) -> Result<usize>;
}

/// What a system can do.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Tables can be written.
    pub write: bool,
    /// A table can be replaced as a whole in one step.
    pub replace: bool,
    /// Rows can be merged and deleted by key.
    pub merge: bool,
    /// Reads can continue after an earlier one, and it has an end that moves: a stream model may read it.
    pub stream: bool,
    /// Positions and dead letters can be committed with the rows: a stream model may write it.
    pub positions: bool,
}

impl Abilities {
    /// It can be read, and nothing else.
    pub const READ: Self = Self { write: false, replace: false, merge: false, stream: false, positions: false };
    /// All that a database can do.
    pub const DATABASE: Self = Self { write: true, replace: true, merge: true, stream: false, positions: true };
}

/// The cores of this machine, and no more than `most` of them.
pub fn cores(most: usize) -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(most)
}
