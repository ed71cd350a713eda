//! A whole connector through the crate's public face: what a new database has to bring. It keeps tables in memory, replaces
//! them and adds to them, and offers neither positions nor topics.

use datafusion::{arrow::array::RecordBatch, datasource::MemTable};
use engine_connect::{
    arrow::{digest::Digester, types},
    hub::{
        connection::{Connection, Connector, Declaration},
        error::{Blame, Error, Result},
        publication::{
            Commit, Mode, Preview, Publication, PublishRequest, Sink, SinkFacts, Target, Writer, Writers, Written,
        },
        registry::Registry,
        rejected::Rejects,
        source::{OpenTable, ReadRequest, Snapshot, Source, TableRequest},
        version::Content,
    },
};
use engine_language::{diagnostic::Diagnostic, name::Name, table::TableDefinition};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// The registry of this build, and this connector's line.
pub fn registry() -> Registry {
    let mut registry = Registry::builtin();
    registry.add::<Shelf>();
    registry
}

/// `type = "shelf"`.
pub struct Shelf;

/// It has no keys.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Connector for Shelf {
    const KIND: &'static str = "shelf";
    type Config = Config;

    fn connect(place: &Declaration<'_>, _: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        Ok(Arc::new(Tables { name: place.name.clone(), tables: Arc::default() }))
    }
}

type Table = (TableDefinition, Vec<RecordBatch>);

#[derive(Clone, Debug)]
struct Tables {
    name: Name,
    tables: Arc<Mutex<BTreeMap<Name, Table>>>,
}

impl Tables {
    fn table(&self, name: &Name) -> Option<Table> {
        self.tables.lock().unwrap().get(name).cloned()
    }

    fn error(&self, doing: &str, blame: Blame, why: impl Into<String>) -> Error {
        Error::new(&self.name, doing, blame, why.into())
    }
}

#[async_trait::async_trait]
impl Connection for Tables {
    fn name(&self) -> &Name {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Shelf::KIND
    }

    async fn ping(&self) -> Result<String> {
        Ok("a shelf".into())
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        Ok(self.tables.lock().unwrap().keys().cloned().collect())
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Source for Tables {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        Ok(self.table(&table.table).map(|(definition, _)| definition))
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        let open = |asked: &TableRequest| {
            let missing = || {
                self.error("opening", Blame::User, format!("there is no table `{}`", asked.table))
                    .absent("write it first")
            };
            let (definition, rows) = self.table(&asked.table).ok_or_else(missing)?;
            let provider = Arc::new(MemTable::try_new(types::schema(&definition), vec![rows]).unwrap());
            let rejected = Rejects::default();
            Ok(OpenTable { provider, definition, next: None, more: false, size_bytes: None, rejected, instant: None })
        };
        Ok(Snapshot { tables: request.tables.iter().map(open).collect::<Result<_>>()? })
    }

    async fn content(&self, table: &TableRequest, _: Option<&Content>) -> Result<Option<Content>> {
        let Some((definition, rows)) = self.table(&table.table) else { return Ok(None) };
        let mut digester = Digester::new(&types::schema(&definition)).unwrap();
        for batch in &rows {
            digester.add(batch).unwrap();
        }
        Ok(Some(Content::of_rows(digester.digest())))
    }
}

#[async_trait::async_trait]
impl Sink for Tables {
    fn facts(&self) -> SinkFacts {
        SinkFacts { replaces: true, content_is_digest: true, ..SinkFacts::default() }
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        let merges = |target: &Target| !matches!(target.mode, Mode::Replace | Mode::Append);
        if request.tables.iter().any(merges) {
            return Err(self.error("writing", Blame::User, "a shelf does not merge rows"));
        }
        let staged = request.tables.iter().map(|target| (target.table.clone(), vec![])).collect();
        Ok(Box::new(Staged { shelf: self.clone(), request, staged: Arc::new(Mutex::new(staged)) }))
    }

    async fn recover(&self) -> Result<usize> {
        Ok(0)
    }
}

type Rows = Arc<Mutex<BTreeMap<Name, Vec<RecordBatch>>>>;

struct Staged {
    shelf: Tables,
    request: PublishRequest,
    staged: Rows,
}

impl Staged {
    /// A table as it will be.
    fn after(&self, target: &Target) -> Table {
        // A key's columns hold no NULL, whatever the query that wrote them could say of that.
        let schema = types::schema(&target.definition);
        let new = self.staged.lock().unwrap()[&target.table].clone();
        let new: Vec<RecordBatch> = new
            .into_iter()
            .map(|batch| RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).unwrap())
            .collect();
        match self.shelf.table(&target.table).filter(|_| target.mode == Mode::Append) {
            Some((definition, old)) => (definition, old.into_iter().chain(new).collect()),
            None => (target.definition.clone(), new),
        }
    }
}

#[async_trait::async_trait]
impl Publication for Staged {
    async fn writer(&self, table: &Name, _: Writers) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Adding { table: table.clone(), staged: self.staged.clone(), rows: 0 }))
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        let target = self.request.tables.iter().find(|target| target.table == *table).unwrap();
        let (definition, rows) = self.after(target);
        let rows = Arc::new(MemTable::try_new(types::schema(&definition), vec![rows]).unwrap());
        Ok(Preview { rows, unique: vec![] })
    }

    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        if commit.advance.is_some() || !commit.rejected.is_empty() || !commit.settled.is_empty() {
            return Err(self.shelf.error("writing", Blame::User, "a shelf keeps no positions and no dead letters"));
        }
        let all: Vec<(Name, Table)> =
            self.request.tables.iter().map(|target| (target.table.clone(), self.after(target))).collect();
        let rows = |name: &Name| self.staged.lock().unwrap()[name].iter().map(|batch| batch.num_rows() as u64).sum();
        let written = all.iter().map(|(table, _)| Written { table: table.clone(), rows: rows(table) }).collect();
        self.shelf.tables.lock().unwrap().extend(all);
        Ok(written)
    }
}

struct Adding {
    table: Name,
    staged: Rows,
    rows: u64,
}

#[async_trait::async_trait]
impl Writer for Adding {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.staged.lock().unwrap().get_mut(&self.table).unwrap().push(batch);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.rows)
    }
}
