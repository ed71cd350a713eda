//! Filling a staging table.

use super::{
    coalesce::{Coalesce, Key},
    encode::{self, Cells, Shape},
    server::Server,
    write_counters,
};
use crate::{
    arrow::row_name,
    hub::{
        error::{Blame, Error, Result},
        policy::{Replacements, ValueError},
        publication::{Waiting, Writer},
    },
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
/// Bytes of rows that wait for others of their key. A row that is updated once instead of twice is worth its room many times:
/// it is most of what PostgreSQL does for a stream.
const WAITING: usize = 38 << 20;

/// Where rows are written.
#[derive(Clone, Debug)]
pub struct StageTarget {
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
    /// Which columns are the key by which a row may take the place of one before it, and which must be filled.
    pub supersedes: Option<(Vec<usize>, Vec<usize>)>,
    /// Counts the rows of all writers into the table.
    pub rows: Arc<AtomicU64>,
    /// Counts how often rows were sent of which each has a key of its own; others count twice.
    pub loads: Arc<AtomicU64>,
    pub replaced: Replacements,
}

/// Writes rows into one staging table by binary COPY, over a connection of its own.
pub struct StageWriter {
    server: Server,
    to: Arc<StageTarget>,
    buffer: Vec<u8>,
    /// Rows that may still be superseded.
    coalesce: Coalesce,
    /// Bytes of the largest batch of such rows.
    largest: usize,
    /// How many rows came.
    rows: u64,
    /// How many of them were sent.
    sent: u64,
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
    pub async fn open(server: Server, to: StageTarget) -> Result<Self> {
        let connection = server.connect(&format!("writing `{}`", to.table)).await?;
        let (to, (chunks, from)) = (Arc::new(to), mpsc::channel(AHEAD));
        let task = {
            let (server, to) = (server.clone(), to.clone());
            async move { copy_in(&server, connection, &to.copy, from).await.map_err(|e| named(e, &to.stage, &to.table)) }
        };
        let (buffer, before) = (encode::HEADER.to_vec(), to.rows.load(Ordering::Relaxed));
        if to.supersedes.is_none() {
            to.loads.fetch_add(2, Ordering::Relaxed);
        }
        Ok(Self {
            server,
            to,
            buffer,
            coalesce: Coalesce::new(WAITING),
            largest: 0,
            rows: 0,
            sent: 0,
            before,
            chunks,
            copying: Some(tokio::spawn(task)),
        })
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

    /// Encodes and sends rows.
    async fn send_rows(&mut self, batch: &RecordBatch, columns: &[Cells<'_>]) -> Result<()> {
        let mut at = 0;
        while at < batch.num_rows() {
            let mut buffer = std::mem::take(&mut self.buffer);
            while at < batch.num_rows() && buffer.len() < CHUNK {
                self.encode(batch, columns, at, &mut buffer, |_| {})?;
                self.add_order(self.rows + at as u64, &mut buffer);
                at += 1;
            }
            self.buffer = buffer;
            self.send_full().await?;
        }
        self.sent += batch.num_rows() as u64;
        Ok(())
    }

    /// Encodes rows, which wait until they are too many for others that take their places.
    async fn let_wait(
        &mut self,
        (key, filled): (&[usize], &[usize]),
        batch: &RecordBatch,
        columns: &[Cells<'_>],
    ) -> Result<()> {
        // The server is to say what it has against a row without a value, whatever comes after it.
        let filled: Vec<_> = filled.iter().map(|at| batch.column(*at)).filter(|array| array.null_count() > 0).collect();
        let (mut row, mut names, mut ends, mut bytes) = (vec![], vec![], vec![], 0);
        for at in 0..batch.num_rows() {
            row.clear();
            ends.clear();
            self.encode(batch, columns, at, &mut row, |end| ends.push(end))?;
            bytes += row.len();
            if filled.iter().any(|array| array.is_null(at)) {
                self.coalesce.keep(&row);
            } else {
                self.coalesce.put(&row, named_by(&row, &ends, key, &mut names));
            }
            if !self.coalesce.has_room(0) {
                self.send_latest().await?;
            }
        }
        self.largest = self.largest.max(bytes);
        Ok(())
    }

    /// Sends the rows that wait.
    async fn send_latest(&mut self) -> Result<()> {
        if self.coalesce.is_empty() {
            return Ok(());
        }
        self.to.loads.fetch_add(1, Ordering::Relaxed);
        let coalesce = std::mem::replace(&mut self.coalesce, Coalesce::new(WAITING));
        for row in coalesce.in_order() {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.extend_from_slice(row);
            self.add_order(self.sent, &mut buffer);
            self.buffer = buffer;
            self.sent += 1;
            self.send_full().await?;
        }
        Ok(())
    }

    /// Sends a chunk that is full.
    async fn send_full(&mut self) -> Result<()> {
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + CHUNK / 4));
        self.send(Chunk::Bytes(full)).await
    }

    /// Encodes a row without its number, and says where each of its columns begins, and where the last ends.
    fn encode(
        &self,
        batch: &RecordBatch,
        columns: &[Cells<'_>],
        at: usize,
        to: &mut Vec<u8>,
        mut ends: impl FnMut(usize),
    ) -> Result<()> {
        let count = columns.len() + usize::from(self.to.ordered);
        let count = u16::try_from(count).expect("PostgreSQL has at most 1600 columns");
        to.extend_from_slice(&count.to_be_bytes());
        ends(to.len());
        for (cells, shape) in columns.iter().zip(&self.to.shapes) {
            match cells.write(at, to) {
                Ok(()) => {}
                Err(ValueError::Unrepresentable(oddity, _)) if shape.chosen.allows(oddity) => {
                    to.extend_from_slice(&encode::NULL);
                    self.to.replaced.add(&shape.name, oddity, 1);
                }
                Err(refused) => return Err(self.refuse(batch, &shape.name, at, refused)),
            }
            ends(to.len());
        }
        Ok(())
    }

    /// Adds a row's number among all, if it is wanted.
    fn add_order(&self, number: u64, to: &mut Vec<u8>) {
        if self.to.ordered {
            to.extend_from_slice(&8_u32.to_be_bytes());
            to.extend_from_slice(&(self.before + number).to_be_bytes());
        }
    }

    fn refuse(&self, batch: &RecordBatch, column: &str, at: usize, refused: ValueError) -> Error {
        let row = row_name::named(batch, at, &self.to.key, self.rows + at as u64 + 1);
        let (why, hint) = match refused {
            ValueError::Unrepresentable(oddity, why) => (why, Some(oddity.hint())),
            ValueError::Malformed(why) => (why, None),
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
    write_counters::hand_in(server, &mut on).await.map_err(fault)?;
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
        match &to.supersedes {
            Some((key, filled)) => self.let_wait((key, filled), &batch, &columns).await?,
            None => self.send_rows(&batch, &columns).await?,
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn waiting(&mut self) -> Waiting {
        match self.to.supersedes {
            None => Waiting::Not,
            // One batch may be on its way already.
            Some(_) if self.coalesce.has_room(2 * self.largest) => Waiting::Some,
            Some(_) => Waiting::Full,
        }
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        self.send_latest().await?;
        self.buffer.extend(encode::TRAILER);
        let last = std::mem::take(&mut self.buffer);
        self.send(Chunk::Bytes(last)).await?;
        self.send(Chunk::End).await?;
        let there = self.end().await?;
        if there != self.sent {
            let message = format!("{} rows were sent and {there} arrived", self.sent);
            return Err(self.server.error(&format!("writing `{}`", self.to.table), Blame::System, message));
        }
        self.to.rows.fetch_add(there, Ordering::Relaxed);
        Ok(there)
    }
}

/// The bytes of a row's key, in `names` if they do not stand together.
fn named_by<'n>(row: &[u8], ends: &[usize], key: &[usize], names: &'n mut Vec<u8>) -> Key<'n> {
    if let [one] = key {
        return Key::Within(ends[*one]..ends[one + 1]);
    }
    names.clear();
    for at in key {
        names.extend_from_slice(&row[ends[*at]..ends[at + 1]]);
    }
    Key::Beside(names)
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
