//! One stream of a scan: the COPYs of its parts, one after the other, over one connection.

use super::{
    decode::{DecodeError, Decoder, Shape},
    snapshot::Coordinator,
    table::{TableLocation, Through},
    table_swap::run,
};
use crate::{
    arrow::batch_size::{BatchSize, ROWS},
    hub::error::{Blame, Error, Result},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result as Answer,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use futures::StreamExt;
use sqlx::{Connection as _, PgConnection};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// Batches in flight.
const AHEAD: usize = 2;

/// Some parts of a table, in some of its columns.
#[derive(Debug)]
pub struct Scan {
    pub place: Arc<TableLocation>,
    pub shape: Arc<Shape>,
    /// A statement a part.
    pub copies: Vec<String>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.shape.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.shape.schema.clone(), AHEAD);
        let (place, copies) = (self.place.clone(), self.copies.clone());
        let rows = Rows { place: place.clone(), shape: self.shape.clone(), out: builder.tx() };
        builder.spawn(async move {
            match &place.through {
                Through::Own(coordinator) => rows.own(coordinator.as_deref(), &copies).await?,
                Through::Shared(connection) => {
                    let connection = connection.clone();
                    // Goes on when nobody listens any more: the connection must get to the end of its rows.
                    let reading = tokio::spawn(async move {
                        let mut on = connection.lock().await;
                        for copy in &copies {
                            rows.copy(&mut on, copy, true).await?;
                        }
                        Ok::<_, Error>(())
                    });
                    reading.await.map_err(|panic| place.server.error("reading", Blame::System, panic))??;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// Takes rows from a connection and sends them on.
struct Rows {
    place: Arc<TableLocation>,
    shape: Arc<Shape>,
    out: Sender<Answer<RecordBatch>>,
}

impl Rows {
    async fn own(&self, coordinator: Option<&Coordinator>, copies: &[String]) -> Result<()> {
        let server = &self.place.server;
        let doing = self.doing();
        let mut on = server.connect(&doing).await?;
        if let Some(coordinator) = coordinator {
            coordinator.join(&mut on).await.map_err(|error| server.fault(&doing, error))?;
        }
        for copy in copies {
            let wanted = self.copy(&mut on, copy, false).await;
            if !matches!(wanted, Ok(true)) {
                // A COPY that did not end leaves its connection out of step.
                let _ = on.close_hard().await;
                return wanted.map(drop);
            }
        }
        if run(&mut on, "rollback").await.is_ok() {
            server.give_back(on);
        }
        match coordinator {
            Some(coordinator) => coordinator.held(&doing).await,
            None => Ok(()),
        }
    }

    /// Copies a part and says whether more is wanted.
    async fn copy(&self, on: &mut PgConnection, copy: &str, to_the_end: bool) -> Result<bool> {
        let fault = |error| self.place.server.fault(&self.doing(), error);
        let wrong = |undecoded| self.wrong(undecoded);
        let mut decoder = Decoder::new(&self.shape, &self.place.replaced);
        let mut chunks = on.copy_out_raw(copy).await.map_err(fault)?;
        let (mut wanted, mut size) = (true, BatchSize::default());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(fault)?;
            if !wanted {
                continue;
            }
            decoder.feed(&chunk).map_err(wrong)?;
            size.add_bytes(chunk.len());
            if decoder.rows() >= ROWS || size.is_full() && decoder.rows() > 0 {
                size = BatchSize::default();
                wanted = self.out.send(Ok(decoder.batch().map_err(wrong)?)).await.is_ok();
                if !wanted && !to_the_end {
                    return Ok(false);
                }
            }
        }
        if wanted {
            decoder.finish().map_err(wrong)?;
            if decoder.rows() > 0 {
                wanted = self.out.send(Ok(decoder.batch().map_err(wrong)?)).await.is_ok();
            }
        }
        Ok(wanted)
    }

    fn doing(&self) -> String {
        format!("reading `{}`", self.place.table)
    }

    fn wrong(&self, undecoded: DecodeError) -> Error {
        let error = self.place.server.error(&self.doing(), Blame::Data, undecoded.why);
        match undecoded.oddity {
            Some(oddity) => error.hint(format!("{} in the connection", oddity.hint())),
            None => error,
        }
    }
}
