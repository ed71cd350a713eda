//! Filling a staging table.

use super::{encode, server::Server, types::Wire};
use crate::{
    error::{Blame, Error, Result},
    publish::Writer,
};
use datafusion::arrow::{array::RecordBatch, datatypes::DataType};
use sqlx::{Connection as _, PgConnection};
use tokio::{sync::mpsc, task::JoinHandle};

/// Bytes that go to the server at once.
const CHUNK: usize = 1 << 20;
/// Chunks in flight.
const AHEAD: usize = 2;

/// Writes rows into one staging table by binary COPY, over a connection of its own.
pub struct StageWriter {
    server: Server,
    /// What users call the table.
    table: String,
    shapes: Vec<(DataType, Wire)>,
    wires: Vec<Wire>,
    buffer: Vec<u8>,
    rows: u64,
    chunks: mpsc::Sender<Chunk>,
    copying: Option<JoinHandle<Result<u64>>>,
}

enum Chunk {
    Bytes(Vec<u8>),
    End,
}

impl StageWriter {
    /// Opens its connection and begins the COPY. `copy` is its statement.
    pub async fn open(
        server: Server,
        (table, stage): (String, String),
        copy: String,
        shapes: Vec<(DataType, Wire)>,
    ) -> Result<Self> {
        let doing = format!("writing `{table}`");
        let connection = server.connect(&doing).await?;
        let (chunks, from) = mpsc::channel(AHEAD);
        let task = {
            let (server, table) = (server.clone(), table.clone());
            async move { copy_in(&server, connection, &copy, from).await.map_err(|e| named(e, &stage, &table)) }
        };
        let wires = shapes.iter().map(|(_, wire)| wire.clone()).collect();
        let buffer = encode::HEADER.to_vec();
        Ok(Self { server, table, shapes, wires, buffer, rows: 0, chunks, copying: Some(tokio::spawn(task)) })
    }

    async fn send(&mut self, chunk: Chunk) -> Result<()> {
        if self.chunks.send(chunk).await.is_ok() {
            return Ok(());
        }
        self.end().await.map(drop)
    }

    /// What became of the COPY.
    async fn end(&mut self) -> Result<u64> {
        let doing = format!("writing `{}`", self.table);
        match self.copying.take() {
            None => Err(self.server.error(&doing, Blame::System, "the writer has failed before")),
            Some(task) => task.await.map_err(|panic| self.server.error(&doing, Blame::System, panic))?,
        }
    }
}

async fn copy_in(server: &Server, mut on: PgConnection, copy: &str, mut from: mpsc::Receiver<Chunk>) -> Result<u64> {
    let doing = "writing rows";
    let fault = |error| server.fault(doing, error);
    let mut to = on.copy_in_raw(copy).await.map_err(fault)?;
    loop {
        match from.recv().await {
            Some(Chunk::Bytes(bytes)) => {
                if let Err(error) = to.send(bytes).await {
                    // The server may have said why before it closed.
                    return Err(to.finish().await.err().map_or_else(|| fault(error), fault));
                }
            }
            Some(Chunk::End) => break,
            // Nobody wants these rows any more.
            None => {
                drop(to);
                let _ = on.close_hard().await;
                return Ok(0);
            }
        }
    }
    let rows = to.finish().await.map_err(fault)?;
    let _ = on.close().await;
    Ok(rows)
}

#[async_trait::async_trait]
impl Writer for StageWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let wrong = |column: usize, why: String| {
            let message = format!("column `{}`: {why}", batch.schema().field(column).name());
            self.server.error(&format!("writing `{}`", self.table), Blame::Data, message)
        };
        let mut columns = vec![];
        for (number, (column, (shape, _))) in batch.columns().iter().zip(&self.shapes).enumerate() {
            columns.push(encode::exactly(column, shape).map_err(|why| wrong(number, why))?);
        }
        for row in 0..batch.num_rows() {
            let written = encode::row(&columns, &self.wires, row, &mut self.buffer);
            if let Err((column, why)) = written {
                let message = format!("column `{}`: {why}", batch.schema().field(column).name());
                return Err(self.server.error(&format!("writing `{}`", self.table), Blame::Data, message));
            }
            if self.buffer.len() >= CHUNK {
                let full = std::mem::take(&mut self.buffer);
                self.send(Chunk::Bytes(full)).await?;
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        self.buffer.extend(encode::TRAILER);
        let last = std::mem::take(&mut self.buffer);
        self.send(Chunk::Bytes(last)).await?;
        self.send(Chunk::End).await?;
        let there = self.end().await?;
        if there != self.rows {
            let message = format!("{} rows were sent and {there} arrived", self.rows);
            return Err(self.server.error(&format!("writing `{}`", self.table), Blame::System, message));
        }
        Ok(there)
    }
}

/// Speaks of the user's table where PostgreSQL speaks of its staging.
pub fn named(mut error: Error, stage: &str, table: &str) -> Error {
    let text = error.source.to_string();
    if text.contains(stage) {
        error.source = text.replace(stage, table).into();
    }
    if error.doing == "writing rows" {
        error.doing = format!("writing `{table}`");
    }
    error
}
