//! One stream of a scan: the queries of its parts, each in its turn on a connection.

use super::{
    decode::Decoder,
    describe::Carried,
    lanes::{Lane, interrupt},
    outlet::Outlet,
    server::run,
    table::Place,
};
use crate::error::{Blame, Error};
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

/// Rows of a batch.
const BATCH: usize = 8192;
/// Batches in flight.
const AHEAD: usize = 2;

/// Some parts of a table, in some of its columns.
#[derive(Clone, Debug)]
pub struct Scan {
    pub place: Arc<Place>,
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
            let mut outlet = Outlet::new(out, scan.place.lanes.clone(), scan.schema.clone(), context);
            // Goes on when nobody listens any more: a reply that is not read to its end leaves the connection out of step.
            let reading = tokio::spawn(async move {
                scan.read(&mut outlet).await?;
                outlet.end().await
            });
            reading.await.map_err(|panic| server.error("reading", Blame::System, panic))?
        });
        builder.build()
    }
}

impl Scan {
    async fn read(&self, outlet: &mut Outlet) -> Answer<()> {
        for query in &self.queries {
            let mut lane = self.place.lanes.take().await;
            if outlet.is_closed() {
                break;
            }
            let wanted = if self.columns.is_empty() {
                let count = self.count(&mut lane, query).await?;
                drop(lane);
                self.give_empty_rows(count, outlet).await?
            } else {
                self.rows(&mut lane, query, outlet).await?
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

    async fn count(&self, lane: &mut Lane, query: &str) -> Result<usize, Error> {
        lane.reads(true);
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query)).fetch_one(lane.on()).await;
        lane.reads(count.is_err());
        let count = count.map_err(|error| self.place.server.fault(&self.doing(), error))?;
        Ok(usize::try_from(count).expect("counts are not negative"))
    }

    async fn give_empty_rows(&self, mut count: usize, outlet: &mut Outlet) -> Answer<bool> {
        while count > 0 {
            let options = RecordBatchOptions::new().with_row_count(Some(count.min(BATCH)));
            let batch = RecordBatch::try_new_with_options(self.schema.clone(), vec![], &options)?;
            if !outlet.give(batch).await? {
                return Ok(false);
            }
            count -= count.min(BATCH);
        }
        Ok(true)
    }

    /// Whether more is wanted.
    async fn rows(&self, lane: &mut Lane, query: &str, outlet: &mut Outlet) -> Answer<bool> {
        let (doing, id, server) = (self.doing(), lane.id(), &self.place.server);
        let mut decoder = Decoder::new(&self.place, &self.columns, &self.schema);
        let mut ending = None;
        let mut failed = None;
        lane.reads(true);
        let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(lane.on());
        loop {
            let row = tokio::select! {
                biased;
                row = rows.next() => row,
                () = outlet.closed(), if ending.is_none() => {
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
            let full = failed.is_none() && decoder.rows() == BATCH;
            let wanted = failed.is_none() && (!full || outlet.give(decoder.batch()?).await?);
            if !wanted {
                ending = Some(tokio::spawn(interrupt(server.clone(), id)));
            }
        }
        drop(rows);
        if let Some(ending) = ending {
            let _ = ending.await;
            // An interruption that comes too late meets the next statement: this one.
            let late = run(lane.on(), "do 0").await;
            lane.reads(late.is_err());
            return failed.map_or(Ok(false), |undecoded| Err(undecoded.of(server, &doing).into()));
        }
        lane.reads(false);
        if decoder.rows() == 0 { Ok(true) } else { outlet.give(decoder.batch()?).await }
    }
}
