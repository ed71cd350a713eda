//! One stream of a scan: the queries of its parts, each in its turn on a connection.

use super::{
    decode::Decoder,
    describe::Carried,
    server::run,
    snapshot_pool::{BorrowedConnection, interrupt},
    spill_sender::SpillSender,
    table::TableLocation,
};
use crate::{
    arrow::batch_size::ROWS,
    hub::error::{Blame, Error},
};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::SchemaRef,
    },
    common::Result as Answer,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use futures::StreamExt;
use sqlx::AssertSqlSafe;
use std::sync::Arc;

/// Batches in flight.
const AHEAD: usize = 2;

/// Some parts of a table, in some of its columns.
#[derive(Clone, Debug)]
pub struct Scan {
    pub place: Arc<TableLocation>,
    pub schema: SchemaRef,
    pub columns: Vec<Carried>,
    /// A query a part.
    pub queries: Vec<String>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), AHEAD);
        let (out, scan) = (builder.tx(), self.clone());
        builder.spawn(async move {
            let server = scan.place.server.clone();
            let mut sender = SpillSender::new(out, scan.place.pool.clone(), scan.schema.clone(), context);
            // Goes on when nobody listens any more: a reply that is not read to its end leaves the connection out of step.
            let reading = tokio::spawn(async move {
                scan.read(&mut sender).await?;
                sender.end().await
            });
            reading.await.map_err(|panic| server.error("reading", Blame::System, panic))?
        });
        builder.build()
    }
}

impl Scan {
    async fn read(&self, sender: &mut SpillSender) -> Answer<()> {
        for query in &self.queries {
            let mut connection = self.place.pool.take().await;
            if sender.is_closed() {
                break;
            }
            let wanted = if self.columns.is_empty() {
                let count = self.count(&mut connection, query).await?;
                drop(connection);
                self.give_empty_rows(count, sender).await?
            } else {
                self.rows(&mut connection, query, sender).await?
            };
            if !wanted {
                break;
            }
        }
        Ok(())
    }

    fn doing(&self) -> String {
        format!("reading `{}`", self.place.table)
    }

    async fn count(&self, connection: &mut BorrowedConnection, query: &str) -> Result<usize, Error> {
        connection.reads(true);
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query)).fetch_one(connection.on()).await;
        connection.reads(count.is_err());
        let count = count.map_err(|error| self.place.server.fault(&self.doing(), error))?;
        Ok(usize::try_from(count).expect("counts are not negative"))
    }

    async fn give_empty_rows(&self, mut count: usize, sender: &mut SpillSender) -> Answer<bool> {
        while count > 0 {
            let options = RecordBatchOptions::new().with_row_count(Some(count.min(ROWS)));
            let batch = RecordBatch::try_new_with_options(self.schema.clone(), vec![], &options)?;
            if !sender.give(batch).await? {
                return Ok(false);
            }
            count -= count.min(ROWS);
        }
        Ok(true)
    }

    /// Whether more is wanted.
    async fn rows(&self, connection: &mut BorrowedConnection, query: &str, sender: &mut SpillSender) -> Answer<bool> {
        let (doing, id, server) = (self.doing(), connection.id(), &self.place.server);
        let mut decoder = Decoder::new(&self.place, &self.columns, &self.schema);
        let mut ending = None;
        let mut failed = None;
        connection.reads(true);
        let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(connection.on());
        loop {
            let row = tokio::select! {
                biased;
                row = rows.next() => row,
                () = sender.closed(), if ending.is_none() => {
                    ending = Some(tokio::spawn(interrupt(server.clone(), id)));
                    continue;
                }
            };
            match row {
                None => break,
                // What was interrupted is no error to anybody.
                Some(_) if ending.is_some() => continue,
                Some(Err(error)) => return Err(server.fault(&doing, error).into()),
                Some(Ok(row)) => failed = decoder.push(&row).err(),
            }
            let full = failed.is_none() && decoder.is_full();
            let wanted = failed.is_none() && (!full || sender.give(decoder.batch()?).await?);
            if !wanted {
                ending = Some(tokio::spawn(interrupt(server.clone(), id)));
            }
        }
        drop(rows);
        if let Some(ending) = ending {
            let _ = ending.await;
            // An interruption that comes too late meets the next statement: this one.
            let late = run(connection.on(), "do 0").await;
            connection.reads(late.is_err());
            return failed.map_or(Ok(false), |undecoded| Err(undecoded.of(server, &doing).into()));
        }
        connection.reads(false);
        if decoder.rows() == 0 { Ok(true) } else { sender.give(decoder.batch()?).await }
    }
}
