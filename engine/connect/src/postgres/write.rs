//! Filling a staging table.

use super::{
    encode::{self, Cells, Shape},
    server::Server,
};
use crate::{
    error::{Blame, Error, Result},
    policy::{Refused, Replacements},
    publish::Writer,
    row,
};
use datafusion::arrow::array::RecordBatch;
use sqlx::{Connection as _, PgConnection};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Bytes that go to the server at once.
const CHUNK: usize = 1 << 20;
/// Chunks in flight.
const AHEAD: usize = 2;

/// Where rows are written.
#[derive(Clone, Debug)]
pub struct To {
    /// What users call the table.
    pub table: String,
    /// The staging table's name.
    pub stage: String,
    /// The statement that takes the rows.
    pub copy: String,
    pub shapes: Vec<Shape>,
    /// Whether each row's number comes behind its columns.
    pub ordered: bool,
    /// The columns that name a row.
    pub key: Vec<String>,
    /// Counts the rows of all writers into the table.
    pub rows: Arc<AtomicU64>,
    pub replaced: Replacements,
}

/// Writes rows into one staging table by binary COPY, over a connection of its own.
pub struct StageWriter {
    server: Server,
    to: Arc<To>,
    buffer: Vec<u8>,
    rows: u64,
    /// How many rows were staged before: those of this writer come behind them.
    before: u64,
    chunks: mpsc::Sender<Chunk>,
    copying: Option<JoinHandle<Result<u64>>>,
}

enum Chunk {
    Bytes(Vec<u8>),
    End,
}

impl StageWriter {
    /// Opens its connection and begins the COPY.
    pub async fn open(server: Server, to: To) -> Result<Self> {
        let connection = server.connect(&format!("writing `{}`", to.table)).await?;
        let (to, (chunks, from)) = (Arc::new(to), mpsc::channel(AHEAD));
        let task = {
            let (server, to) = (server.clone(), to.clone());
            async move { copy_in(&server, connection, &to.copy, from).await.map_err(|e| named(e, &to.stage, &to.table)) }
        };
        let (buffer, before) = (encode::HEADER.to_vec(), to.rows.load(Ordering::Relaxed));
        Ok(Self { server, to, buffer, rows: 0, before, chunks, copying: Some(tokio::spawn(task)) })
    }

    async fn send(&mut self, chunk: Chunk) -> Result<()> {
        if self.chunks.send(chunk).await.is_ok() {
            return Ok(());
        }
        self.end().await.map(drop)
    }

    /// What became of the COPY.
    async fn end(&mut self) -> Result<u64> {
        let doing = format!("writing `{}`", self.to.table);
        match self.copying.take() {
            None => Err(self.server.error(&doing, Blame::System, "the writer has failed before")),
            Some(task) => task.await.map_err(|panic| self.server.error(&doing, Blame::System, panic))?,
        }
    }

    /// Encodes rows from `from` on until a chunk is full, and says how far it came.
    fn encode(&mut self, batch: &RecordBatch, columns: &[Cells<'_>], from: usize) -> Result<usize> {
        let count = columns.len() + usize::from(self.to.ordered);
        let count = u16::try_from(count).expect("PostgreSQL has at most 1600 columns").to_be_bytes();
        for at in from..batch.num_rows() {
            if self.buffer.len() >= CHUNK {
                return Ok(at);
            }
            self.buffer.extend_from_slice(&count);
            for (cells, shape) in columns.iter().zip(&self.to.shapes) {
                match cells.write(at, &mut self.buffer) {
                    Ok(()) => {}
                    Err(Refused::Odd(oddity, _)) if shape.chosen.allows(oddity) => {
                        self.buffer.extend_from_slice(&encode::NULL);
                        self.to.replaced.add(&shape.name, oddity, 1);
                    }
                    Err(refused) => return Err(self.refuse(batch, &shape.name, at, refused)),
                }
            }
            if self.to.ordered {
                self.buffer.extend_from_slice(&8_u32.to_be_bytes());
                self.buffer.extend_from_slice(&(self.before + self.rows + at as u64).to_be_bytes());
            }
        }
        Ok(batch.num_rows())
    }

    fn refuse(&self, batch: &RecordBatch, column: &str, at: usize, refused: Refused) -> Error {
        let row = row::named(batch, at, &self.to.key, self.rows + at as u64 + 1);
        let (why, hint) = match refused {
            Refused::Odd(oddity, why) => (why, Some(oddity.hint())),
            Refused::Broken(why) => (why, None),
        };
        let message = format!("column `{column}` of {row}: {why}");
        let error = self.server.error(&format!("writing `{}`", self.to.table), Blame::Data, message);
        let error = error.row(Some(self.rows + at as u64));
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
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
    server.give_back(on);
    Ok(rows)
}

#[async_trait::async_trait]
impl Writer for StageWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut arrays = vec![];
        for (array, shape) in batch.columns().iter().zip(&self.to.shapes) {
            arrays.push(encode::exactly(array, &shape.data_type).map_err(|why| {
                let message = format!("column `{}`: {why}", shape.name);
                self.server.error(&format!("writing `{}`", self.to.table), Blame::Data, message)
            })?);
        }
        let to = self.to.clone();
        let pairs = arrays.iter().zip(&to.shapes);
        let columns: Vec<Cells<'_>> = pairs.map(|(array, s)| Cells::of(array, &s.wire, s.limit)).collect();
        let mut at = 0;
        while at < batch.num_rows() {
            at = self.encode(&batch, &columns, at)?;
            if self.buffer.len() >= CHUNK {
                let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + CHUNK / 4));
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
            return Err(self.server.error(&format!("writing `{}`", self.to.table), Blame::System, message));
        }
        self.to.rows.fetch_add(there, Ordering::Relaxed);
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
