//! What a connector is, and what one system can do.

use super::{
    error::{Blame, Error, Result},
    publication::{Publication, PublishRequest, Sink},
    source::{OpenTable, ReadRequest, Snapshot, Source, TableRequest},
    topics::Topics,
    type_map::TypeMap,
};
use engine_language::{config::source::SourceTable, diagnostic::Diagnostic, name::Name};
use std::{
    collections::BTreeMap,
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

/// One external system, as one TOML table describes it. It opens on first use, and offers what it can do: tables to read,
/// tables to write, topics to follow.
#[async_trait::async_trait]
pub trait Connection: Debug + Send + Sync {
    /// The connection's name.
    fn name(&self) -> &Name;

    /// The word after `type =`. Tables pass between systems of one kind as they are, where both sides know how.
    fn kind(&self) -> &'static str;

    /// Tries the connection and says what stands behind it, such as "SQLite 3.50 at .engine/data/shop.db".
    async fn ping(&self) -> Result<String>;

    /// The tables that users may read, sorted; not the engine's own.
    async fn tables(&self) -> Result<Vec<Name>>;

    /// Why a table of a source cannot be what the project declares, and what to do; seen without I/O.
    fn refuses(&self, _table: &SourceTable) -> Option<(String, &'static str)> {
        None
    }

    /// Reads its tables.
    fn source(&self) -> Option<&dyn Source>;

    /// Writes its tables.
    fn sink(&self) -> Option<&dyn Sink> {
        None
    }

    /// Knows where readers of its tables stand: a stream model may read it.
    fn topics(&self) -> Option<&dyn Topics> {
        None
    }
}

impl dyn Connection {
    /// What it can do, by what it offers; `check` and `plan` ask before a run does.
    pub fn abilities(&self) -> Abilities {
        let sink = self.sink();
        let modes = sink.map(Sink::facts).unwrap_or_default();
        Abilities {
            write: sink.is_some(),
            replace: modes.replaces,
            merge: modes.merges,
            stream: self.topics().is_some(),
            positions: sink.is_some_and(|sink| sink.positions().is_some()),
        }
    }

    /// Its tables to read; an error where there are none.
    pub fn readable(&self) -> Result<&dyn Source> {
        let only = || {
            let message = format!("a connection of type `{}` is only written", self.kind());
            Error::new(self.name(), "reading", Blame::User, message)
        };
        self.source().ok_or_else(only)
    }

    /// Opens tables as of one instant. One that is not there is an error, unless the project says that it may be missing.
    pub async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        let source = self.readable()?;
        let (mut there, mut missing) = (vec![], BTreeMap::new());
        for (number, table) in request.tables.into_iter().enumerate() {
            // What was read before is known to its reader: that it is gone since then is for the source to say.
            if table.may_be_missing() && table.since.is_none() && !source.is_there(&table).await? {
                missing.insert(number, self.missing(source, &table).await?);
            } else {
                there.push(table);
            }
        }
        let mut snapshot = if there.is_empty() {
            Snapshot { tables: vec![] }
        } else {
            source.open(ReadRequest { tables: there }).await?
        };
        for (number, table) in missing {
            snapshot.tables.insert(number, table);
        }
        Ok(snapshot)
    }

    async fn missing(&self, source: &dyn Source, table: &TableRequest) -> Result<OpenTable> {
        let open = source.open_missing(table).await?;
        if open.definition.columns.is_empty() {
            let message = format!("`{}` is not there, and its columns are not declared", table.table);
            let error = Error::new(self.name(), format!("opening `{}`", table.table), Blame::User, message);
            return Err(error.hint("declare `columns` of a table that is `optional`"));
        }
        tracing::warn!(connection = %self.name(), table = %table.table, "it is not there, and read as empty");
        Ok(open)
    }

    /// Begins to write tables; an error where one has no columns, which no two systems understand alike.
    pub async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        let sink = self.writable()?;
        if let Some(target) = request.tables.iter().find(|target| target.schema.fields().is_empty()) {
            let message = format!("`{}` has no columns, and a table without columns cannot be written", target.table);
            let error = Error::new(self.name(), format!("writing `{}`", target.table), Blame::User, message);
            return Err(error.hint("leave it out, or give it a column"));
        }
        sink.begin(request).await
    }

    /// Its tables to write; an error where they are only read.
    pub fn writable(&self) -> Result<&dyn Sink> {
        let only = || {
            let message = format!("a connection of type `{}` is only read", self.kind());
            let hint = "write to a database, or `engine show MODEL --output parquet`";
            Error::new(self.name(), "writing", Blame::User, message).hint(hint)
        };
        self.sink().ok_or_else(only)
    }

    /// Where a pipeline stands in this target; `None` also where no positions are kept.
    pub async fn position(&self, pipeline: &Name) -> Result<Option<super::position::Position>> {
        match self.sink().and_then(Sink::positions) {
            Some(positions) => positions.position(pipeline).await,
            None => Ok(None),
        }
    }
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

/// The cores of this machine, and no more than `most` of them.
pub fn cores(most: usize) -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(most)
}
