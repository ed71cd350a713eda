//! Filling a staging table.

use super::{
    encode::{Infos, Values},
    fault::named,
    server::{Server, run},
    statement::{list, quote},
    types::Wire,
};
use crate::{
    error::{Blame, Error, Result},
    publish::Writer,
    types::exactly,
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

/// Rows of a statement; more gain nothing.
const ROWS: usize = 1000;
/// Values that a statement may have.
const VALUES: usize = 65_535;
/// Statements in flight.
const AHEAD: usize = 2;
/// Rows of a transaction: few waits for the disk, and little to take back.
const COMMIT_ROWS: u64 = 100_000;

/// Where a writer's rows go.
#[derive(Clone, Debug)]
pub struct Place {
    /// What users call the table.
    pub table: String,
    pub stage: String,
    /// The columns' names and what is written into them.
    pub columns: Vec<(String, DataType, Wire)>,
    /// Counts the rows of all writers.
    pub rows: Arc<AtomicU64>,
}

/// Writes rows into one staging table by prepared statements of many rows, over a connection of its own.
pub struct StageWriter {
    server: Server,
    place: Place,
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
    /// Whether the server keeps the statement for the next one.
    again: bool,
}

impl StageWriter {
    /// Opens its connection.
    pub async fn open(server: Server, place: Place) -> Result<Self> {
        let doing = format!("writing `{}`", place.table);
        let packet = server.product(&doing).await?.packet;
        let mut on = server.connect(&doing).await?;
        let infos = Infos::ask(&mut on).await.map_err(|error| server.fault(&doing, error))?;
        let most = ROWS.min(VALUES / place.columns.len().max(1));
        let (chunks, from) = mpsc::channel(AHEAD);
        let task = {
            let (server, place) = (server.clone(), place.clone());
            async move { insert_all(&server, on, from, &doing).await.map_err(|e| named(e, &place.stage, &place.table)) }
        };
        let full = place.insert(most).into();
        let inserting = Some(tokio::spawn(task));
        let values = Values::default();
        Ok(Self { server, place, infos, full, most, limit: packet / 2, values, held: 0, rows: 0, chunks, inserting })
    }

    fn doing(&self) -> String {
        format!("writing `{}`", self.place.table)
    }

    /// Adds one row. The outer error is the user's, the inner one names the column.
    fn push(&mut self, columns: &[ArrayRef], row: usize) -> std::result::Result<(), (usize, String)> {
        for (number, (column, (_, _, wire))) in columns.iter().zip(&self.place.columns).enumerate() {
            self.values.push(column, wire, row, &self.infos).map_err(|why| (number, why))?;
        }
        self.held += 1;
        Ok(())
    }

    async fn send_held(&mut self) -> Result<()> {
        if self.held == 0 {
            return Ok(());
        }
        if self.values.size_bytes > self.limit * 2 && self.held == 1 {
            let message = format!("a row has {} bytes, more than the server takes at once", self.values.size_bytes);
            return Err(self.server.error(&self.doing(), Blame::Data, message).hint("raise max_allowed_packet"));
        }
        let again = self.held == self.most;
        let sql = if again { self.full.clone() } else { self.place.insert(self.held).into() };
        let values = std::mem::take(&mut self.values);
        let rows = std::mem::take(&mut self.held);
        self.send(Chunk::Rows(Insert { sql, values, rows, again })).await
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

impl Place {
    fn insert(&self, rows: usize) -> String {
        let names = list(self.columns.iter().map(|(name, ..)| name.as_str()));
        let row = format!("({})", vec!["?"; self.columns.len()].join(","));
        format!("insert into {} ({names}) values {}", quote(&self.stage), vec![row; rows].join(","))
    }
}

async fn insert_all(
    server: &Server,
    mut on: MySqlConnection,
    mut from: mpsc::Receiver<Chunk>,
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
    let _ = on.close().await;
    Ok(total)
}

async fn insert_some(server: &Server, on: &mut MySqlConnection, insert: Insert, doing: &str) -> Result<()> {
    let fault = |error| server.fault(doing, error);
    let query = sqlx::query_with(AssertSqlSafe(insert.sql), insert.values.arguments).persistent(insert.again);
    let done = query.execute(&mut *on).await.map_err(fault)?;
    if done.rows_affected() != insert.rows as u64 {
        let message = format!("{} rows were sent and {} arrived", insert.rows, done.rows_affected());
        return Err(server.error(doing, Blame::System, message));
    }
    match warning(on).await.map_err(fault)? {
        // What the server mends it only warns of.
        Some(text) => Err(server.error(doing, Blame::Data, text)),
        None => Ok(()),
    }
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

#[async_trait::async_trait]
impl Writer for StageWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let doing = self.doing();
        let schema = batch.schema();
        let wrong = |server: &Server, column: usize, why: String| -> Error {
            server.error(&doing, Blame::Data, format!("column `{}`: {why}", schema.field(column).name()))
        };
        let mut columns = vec![];
        for (number, (column, (_, shape, _))) in batch.columns().iter().zip(&self.place.columns).enumerate() {
            columns.push(exactly(column, shape).map_err(|why| wrong(&self.server, number, why))?);
        }
        for row in 0..batch.num_rows() {
            if self.held > 0 && self.values.size_bytes + weight(&columns, row) > self.limit * 2 {
                self.send_held().await?;
            }
            self.push(&columns, row).map_err(|(column, why)| wrong(&self.server, column, why))?;
            if self.held == self.most || self.values.size_bytes >= self.limit {
                self.send_held().await?;
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        self.send_held().await?;
        self.send(Chunk::End).await?;
        let there = self.end().await?;
        if there != self.rows {
            let message = format!("{} rows were sent and {there} arrived", self.rows);
            return Err(self.server.error(&self.doing(), Blame::System, message));
        }
        self.place.rows.fetch_add(there, Ordering::Relaxed);
        Ok(there)
    }
}
