//! Reading tables as of one instant.
//!
//! Each table has a connection of its own with an open transaction, and rows are fetched page by page along the rowid:
//! no statement stays open between pages, so several scans share a connection and none can wait for another.

use super::{
    describe,
    file::{File, SqliteError},
    statement::{list, quote},
    types::Builder,
};
use crate::{
    arrow::{
        batch_size::{BatchSize, ROWS},
        types,
    },
    hub::{
        error::{Blame, Result},
        rejected::Rejects,
        source::{OpenTable, ReadRequest, Snapshot},
    },
};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::{Schema, SchemaRef},
    },
    catalog::{Session, TableProvider},
    common::Result as Answer,
    execution::TaskContext,
    logical_expr::{Expr, TableType},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream,
        streaming::StreamingTableExec,
    },
};
use rusqlite::Connection;
use std::sync::{Arc, Mutex};

/// Rows of a page, which is one batch.
const PAGE: usize = ROWS;
/// How often several tables are opened before it is given up: a commit of another process has to fall between each time.
const ATTEMPTS: usize = 100;
/// Pages in flight.
const AHEAD: usize = 2;

/// Opens tables as of one instant.
pub async fn open(file: &File, request: ReadRequest) -> Result<Snapshot> {
    if !file.exists() {
        let hint = "run what makes it first, or correct `path`";
        let message = format!("`{}` is not there", file.path().display());
        return Err(file.error("reading", Blame::User, message).absent(hint));
    }
    // This process does not write meanwhile; whether another has is seen afterwards.
    let turn = if request.tables.len() > 1 { Some(file.turn().await) } else { None };
    let inner = file.clone();
    let tables = file.blocking("opening tables", move || begin(&inner, &request)).await?;
    drop(turn);
    Ok(Snapshot { tables })
}

/// Opens a transaction for each table; all of them again if somebody has committed in between.
fn begin(file: &File, request: &ReadRequest) -> Result<Vec<OpenTable>, SqliteError> {
    let watcher = file.open_read()?;
    let version = || watcher.query_row("pragma data_version", [], |row| row.get::<_, i64>(0));
    for _ in 0..ATTEMPTS {
        let before = version()?;
        let tables = request.tables.iter().map(|table| open_one(file, table.table.as_str())).collect();
        if version()? == before {
            return tables;
        }
    }
    Err(SqliteError::Rival(format!(
        "`{}` is written too often to see its tables as of one instant",
        file.path().display()
    )))
}

fn open_one(file: &File, name: &str) -> Result<OpenTable, SqliteError> {
    let connection = file.open_read()?;
    connection.execute_batch("begin; select 1 from sqlite_master")?;
    let Some(definition) = describe::table(&connection, name)? else {
        return Err(SqliteError::Absent(format!("there is no table `{name}` in `{}`", file.path().display())));
    };
    let provider = Table::new(file.clone(), name.to_owned(), types::schema(&definition), connection);
    Ok(OpenTable {
        provider: Arc::new(provider),
        definition,
        next: None,
        more: false,
        size_bytes: None,
        rejected: Rejects::default(),
        instant: None,
    })
}

/// A table at an instant.
#[derive(Debug)]
pub struct Table {
    pages: Arc<Pages>,
    schema: SchemaRef,
}

/// Fetches pages of a table over a connection with an open transaction.
#[derive(Debug)]
struct Pages {
    file: File,
    table: String,
    connection: Arc<Mutex<Connection>>,
    row_number: Option<&'static str>,
}

/// What SQLite calls the number of a row: one of its names that is no column's. `None` if all of them are.
fn row_number(schema: &Schema) -> Option<&'static str> {
    let taken = |name: &str| schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name))
}

impl Table {
    /// Reads `table` over a connection, which sees what its transaction sees.
    pub fn new(file: File, table: String, schema: SchemaRef, connection: Connection) -> Self {
        Self::shared(file, table, schema, Arc::new(Mutex::new(connection)))
    }

    /// The same, over a connection that others use too.
    pub fn shared(file: File, table: String, schema: SchemaRef, connection: Arc<Mutex<Connection>>) -> Self {
        let row_number = row_number(&schema);
        Self { pages: Arc::new(Pages { file, table, connection, row_number }), schema }
    }
}

#[async_trait::async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Answer<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => self.schema.clone(),
        };
        let scan = Scan { pages: self.pages.clone(), schema: schema.clone(), limit };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, vec![], false, limit)?))
    }
}

#[derive(Debug)]
struct Scan {
    pages: Arc<Pages>,
    schema: SchemaRef,
    limit: Option<usize>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), AHEAD);
        let (pages, schema, limit, out) = (self.pages.clone(), self.schema.clone(), self.limit, builder.tx());
        builder.spawn_blocking(move || {
            let mut cursor = Cursor { from: i64::MIN, offset: 0, left: limit.unwrap_or(usize::MAX) };
            loop {
                match pages.next(&schema, &mut cursor) {
                    Ok(None) => return Ok(()),
                    Ok(Some(batch)) => {
                        // The reader has gone: nobody wants more.
                        if out.blocking_send(Ok(batch)).is_err() {
                            return Ok(());
                        }
                    }
                    Err(trouble) => {
                        let doing = format!("reading `{}`", pages.table);
                        return Err(pages.file.trouble(&doing, trouble).into());
                    }
                }
            }
        });
        builder.build()
    }
}

struct Cursor {
    from: i64,
    offset: usize,
    left: usize,
}

impl Pages {
    fn next(&self, schema: &Schema, cursor: &mut Cursor) -> Result<Option<RecordBatch>, SqliteError> {
        let page = PAGE.min(cursor.left);
        if page == 0 {
            return Ok(None);
        }
        let connection = self.connection.lock().expect("no holder of this lock panics");
        let table = quote(&self.table);
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let wanted = if columns.is_empty() { String::new() } else { format!(", {}", list(columns)) };
        let along = self
            .row_number
            .map(|row| format!("select {row}{wanted} from {table} where {row} >= ?1 order by {row} limit {page}"));
        // Views and tables without rowid are read by counting, which is slower towards their end.
        let along = along.and_then(|along| connection.prepare_cached(&along).ok());
        let (mut statement, from) = if let Some(statement) = along {
            (statement, cursor.from)
        } else {
            let counted = format!("select 0{wanted} from {table} limit {page} offset ?1");
            (connection.prepare_cached(&counted)?, i64::try_from(cursor.offset).unwrap_or(i64::MAX))
        };
        let mut builders: Vec<Builder> = schema
            .fields()
            .iter()
            .map(|field| Builder::new(field.data_type()).map_err(SqliteError::Data))
            .collect::<Result<_, _>>()?;
        let mut rows = statement.query([from])?;
        let (mut count, mut last, mut size) = (0, i64::MAX, BatchSize::default());
        while !size.is_full()
            && let Some(row) = rows.next()?
        {
            let rowid: i64 = row.get(0)?;
            let mut bytes = 0;
            for (i, builder) in builders.iter_mut().enumerate() {
                let value = row.get_ref(i + 1)?;
                bytes += value.as_bytes_or_null().ok().flatten().map_or(8, <[u8]>::len);
                builder.push(value).map_err(|why| {
                    SqliteError::Data(format!("`{}`.`{}` in row {rowid}: {why}", self.table, schema.field(i).name()))
                })?;
            }
            size.add_row(bytes);
            last = rowid;
            count += 1;
        }
        cursor.offset += count;
        cursor.left -= count;
        // Fewer than a page, or the highest number that there is: nothing comes after.
        match last.checked_add(1).filter(|_| count == page || size.is_full()) {
            Some(next) => cursor.from = next,
            None => cursor.left = 0,
        }
        if count == 0 {
            return Ok(None);
        }
        let arrays = builders.iter_mut().map(Builder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(Some(RecordBatch::try_new_with_options(Arc::new(schema.clone()), arrays, &options)?))
    }
}
