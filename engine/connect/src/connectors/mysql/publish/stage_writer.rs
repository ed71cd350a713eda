//! Filling a staging table.

use super::index_build::IndexBuild;
use crate::{
    arrow::{row_name, types::exactly},
    connectors::mysql::{
        encode::{Infos, Values},
        server::{Server, run},
        server_error::named,
        statement::{list, quote},
        types::Wire,
    },
    hub::{
        error::{Blame, Error, Result},
        policy::{Chosen, Replacements, ValueError},
        publication::Writer,
    },
};
use datafusion::arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    datatypes::DataType,
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Rows of a statement. The server goes several times over all its values: those of 1000 rows no longer fit its caches, and
/// cost a seventh more of its time.
const ROWS: usize = 500;
/// Values that a statement may have.
const VALUES: usize = 65_535;
/// Statements in flight.
const AHEAD: usize = 2;
/// Rows of a transaction: few waits for the disk, and little to take back.
const COMMIT_ROWS: u64 = 100_000;

/// Where rows are written.
#[derive(Clone, Debug)]
pub struct StageTarget {
    /// What users call the table.
    pub table: String,
    /// The staging table's name.
    pub stage: String,
    pub shapes: Vec<Shape>,
    /// The columns that name a row.
    pub key: Vec<String>,
    /// Counts the rows of all writers into the table.
    pub rows: Arc<AtomicU64>,
    pub replaced: Replacements,
    /// What a table gets from its last writer.
    pub index_build: Option<Arc<IndexBuild>>,
}

/// How one column is written.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    /// What it is carried as.
    pub data_type: DataType,
    pub wire: Wire,
    pub chosen: Chosen,
}

/// Writes rows into one staging table by prepared statements of many rows, over a connection of its own.
pub struct StageWriter {
    server: Server,
    to: Arc<StageTarget>,
    infos: Infos,
    /// The statement of as many rows as it may have.
    full: Arc<str>,
    /// How many those are.
    most: usize,
    /// Bytes that a statement may have.
    limit: usize,
    values: Values,
    /// Rows among the values.
    held: usize,
    rows: u64,
    chunks: mpsc::Sender<Chunk>,
    inserting: Option<JoinHandle<Result<u64>>>,
}

enum Chunk {
    Rows(Insert),
    End,
}

struct Insert {
    sql: Arc<str>,
    values: Values,
    rows: usize,
    /// The number of the first one among all of the writer's, from 1.
    first: u64,
    /// Whether the server keeps the statement: for the next one, or until the connection ends.
    kept: bool,
}

impl StageWriter {
    /// Opens its connection.
    pub async fn open(server: Server, to: StageTarget) -> Result<Self> {
        let doing = format!("writing `{}`", to.table);
        let product = server.product(&doing).await?;
        let mut on = server.connect(&doing).await?;
        let infos = server.infos(&mut on).await.map_err(|error| server.fault(&doing, error))?;
        let limit = product.packet / 2;
        let most = ROWS.min(VALUES / to.shapes.len().max(1));
        let (to, (chunks, from)) = (Arc::new(to), mpsc::channel(AHEAD));
        if let Some(index_build) = &to.index_build {
            index_build.enter();
        }
        let task = {
            let (server, to) = (server.clone(), to.clone());
            async move { insert_all(&server, &to, (on, from), &doing).await.map_err(|e| named(e, &to.stage, &to.table)) }
        };
        let full = to.insert(most).into();
        let inserting = Some(tokio::spawn(task));
        let values = Values::default();
        Ok(Self { server, to, infos, full, most, limit, values, held: 0, rows: 0, chunks, inserting })
    }

    fn doing(&self) -> String {
        format!("writing `{}`", self.to.table)
    }

    /// Adds one row; the error names its column.
    fn push(&mut self, columns: &[ArrayRef], row: usize) -> std::result::Result<(), (usize, ValueError)> {
        for (number, (column, shape)) in columns.iter().zip(&self.to.shapes).enumerate() {
            match self.values.push(column, &shape.wire, row, &self.infos) {
                Ok(()) => {}
                Err(ValueError::Unrepresentable(oddity, _)) if shape.chosen.allows(oddity) => {
                    self.values.push_null(&self.infos);
                    self.to.replaced.add(&shape.name, oddity, 1);
                }
                Err(refused) => return Err((number, refused)),
            }
        }
        self.held += 1;
        self.rows += 1;
        Ok(())
    }

    fn refuse(&self, batch: &RecordBatch, (column, refused): (usize, ValueError), at: usize) -> Error {
        let row = row_name::named(batch, at, &self.to.key, self.rows + 1);
        let message = format!("column `{}` of {row}: {refused}", self.to.shapes[column].name);
        let error = self.server.error(&self.doing(), Blame::Data, message);
        match refused {
            ValueError::Unrepresentable(oddity, _) => error.hint(oddity.hint()),
            ValueError::Malformed(_) => error,
        }
    }

    /// Sends the rows that are held; `last` are followed by no others.
    async fn send_held(&mut self, last: bool) -> Result<()> {
        if self.held == 0 {
            return Ok(());
        }
        if self.values.size_bytes > self.limit * 2 && self.held == 1 {
            let message = format!("a row has {} bytes, more than the server takes at once", self.values.size_bytes);
            return Err(self.server.error(&self.doing(), Blame::Data, message).hint("raise max_allowed_packet"));
        }
        let full = self.held == self.most;
        let sql = if full { self.full.clone() } else { self.to.insert(self.held).into() };
        let values = std::mem::take(&mut self.values);
        let rows = std::mem::take(&mut self.held);
        let first = self.rows - rows as u64 + 1;
        self.send(Chunk::Rows(Insert { sql, values, rows, first, kept: full || last })).await
    }

    async fn send(&mut self, chunk: Chunk) -> Result<()> {
        if self.chunks.send(chunk).await.is_ok() {
            return Ok(());
        }
        self.end().await.map(drop)
    }

    /// What became of the rows.
    async fn end(&mut self) -> Result<u64> {
        match self.inserting.take() {
            None => Err(self.server.error(&self.doing(), Blame::System, "the writer has failed before")),
            Some(task) => task.await.map_err(|panic| self.server.error(&self.doing(), Blame::System, panic))?,
        }
    }
}

/// Bytes of a row's texts and bytes; the rest is small.
fn weight(columns: &[ArrayRef], row: usize) -> usize {
    let of = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).len(),
        DataType::Binary => column.as_binary::<i32>().value(row).len(),
        _ => 80,
    };
    columns.iter().map(of).sum()
}

impl StageTarget {
    fn insert(&self, rows: usize) -> String {
        let names = list(self.shapes.iter().map(|shape| shape.name.as_str()));
        let row = format!("({})", vec!["?"; self.shapes.len()].join(","));
        format!("insert into {} ({names}) values {}", quote(&self.stage), vec![row; rows].join(","))
    }
}

async fn insert_all(
    server: &Server,
    to: &Arc<StageTarget>,
    (mut on, mut from): (MySqlConnection, mpsc::Receiver<Chunk>),
    doing: &str,
) -> Result<u64> {
    let fault = |error| server.fault(doing, error);
    run(&mut on, "start transaction").await.map_err(fault)?;
    let (mut total, mut open) = (0, 0);
    loop {
        match from.recv().await {
            Some(Chunk::Rows(insert)) => {
                let rows = insert.rows as u64;
                insert_some(server, &mut on, insert, doing).await?;
                (total, open) = (total + rows, open + rows);
                if open >= COMMIT_ROWS {
                    run(&mut on, "commit; start transaction").await.map_err(fault)?;
                    open = 0;
                }
            }
            Some(Chunk::End) => break,
            // Nobody wants these rows any more.
            None => return Ok(0),
        }
    }
    run(&mut on, "commit").await.map_err(fault)?;
    match &to.index_build {
        Some(index_build) => index_build.leave(server, on, (&to.table, &to.stage)).await,
        None => drop(on.close().await),
    }
    Ok(total)
}

async fn insert_some(server: &Server, on: &mut MySqlConnection, insert: Insert, doing: &str) -> Result<()> {
    let fault = |error| renumbered(server.fault(doing, error), insert.first);
    let query = sqlx::query_with(AssertSqlSafe(insert.sql), insert.values.arguments).persistent(insert.kept);
    let done = match query.execute(&mut *on).await {
        Ok(done) => done,
        Err(error) => {
            let error = fault(error);
            let blamed = if error.blame == Blame::Data { blamed(server, on).await } else { None };
            let row = blamed.map(|number| insert.first + number - 2);
            return Err(if row.is_some() { error.row(row) } else { error });
        }
    };
    if done.rows_affected() != insert.rows as u64 {
        let message = format!("{} rows were sent and {} arrived", insert.rows, done.rows_affected());
        return Err(server.error(doing, Blame::System, message));
    }
    match warning(on).await.map_err(fault)? {
        // What the server mends it only warns of.
        Some(text) => Err(renumbered(server.error(doing, Blame::Data, text), insert.first)),
        None => Ok(()),
    }
}

/// Which row of the last statement its error is about, from 1. MySQL does not tell, nor does an old MariaDB.
async fn blamed(server: &Server, on: &mut MySqlConnection) -> Option<u64> {
    if !server.known_product().numbers_rows() {
        return None;
    }
    run(on, "get diagnostics condition 1 @engine_row = row_number").await.ok()?;
    let row = sqlx::raw_sql("select cast(@engine_row as unsigned)").fetch_one(on).await.ok()?;
    row.try_get_unchecked::<Option<u64>, _>(0).ok().flatten().filter(|number| *number > 0)
}

/// The first warning about the last statement.
pub async fn warning(on: &mut MySqlConnection) -> sqlx::Result<Option<String>> {
    let row = sqlx::raw_sql("select @@warning_count").fetch_one(&mut *on).await?;
    if row.get_unchecked::<i64, _>(0) == 0 {
        return Ok(None);
    }
    let rows = sqlx::raw_sql("show warnings").fetch_all(on).await?;
    let text = rows.first().map(|row| row.get_unchecked::<String, _>(2));
    Ok(Some(text.unwrap_or_else(|| "the server has warned of these rows".into())))
}

/// Counts rows as the writer does, where the server counts those of one statement.
fn renumbered(mut error: Error, first: u64) -> Error {
    let text = error.source.to_string();
    let Some((before, after)) = text.split_once(" at row ") else { return error };
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    if let Ok(number @ 1..) = after[..digits].parse::<u64>() {
        error.row = Some(first + number - 2);
        error.source = format!("{before} at row {}{}", first + number - 1, &after[digits..]).into();
    }
    error
}

#[async_trait::async_trait]
impl Writer for StageWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut columns = vec![];
        for (array, shape) in batch.columns().iter().zip(&self.to.shapes) {
            columns.push(exactly(array, &shape.data_type).map_err(|why| {
                self.server.error(&self.doing(), Blame::Data, format!("column `{}`: {why}", shape.name))
            })?);
        }
        for at in 0..batch.num_rows() {
            if self.held > 0 && self.values.size_bytes + weight(&columns, at) > self.limit * 2 {
                self.send_held(false).await?;
            }
            self.push(&columns, at).map_err(|refused| self.refuse(&batch, refused, at))?;
            if self.held == self.most || self.values.size_bytes >= self.limit {
                self.send_held(false).await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        self.send_held(true).await?;
        self.send(Chunk::End).await?;
        let there = self.end().await?;
        if there != self.rows {
            let message = format!("{} rows were sent and {there} arrived", self.rows);
            return Err(self.server.error(&self.doing(), Blame::System, message));
        }
        self.to.rows.fetch_add(there, Ordering::Relaxed);
        Ok(there)
    }
}
