//! Where a scan's batches go: to who asked for them, or into a file where others wait for the connection.
//!
//! A join reads one side to its end before it takes the other. Were both to come over one connection, the side that is not
//! taken would hold it for ever. So when others wait and nobody takes a batch for a while, the rest goes into a file.

use super::snapshot_pool::SnapshotPool;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result as Answer,
    error::DataFusionError,
    execution::TaskContext,
    physical_plan::{
        SendableRecordBatchStream, SpillManager,
        metrics::{ExecutionPlanMetricsSet, SpillMetrics},
    },
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{self, Receiver, Sender, error::SendError},
    task::JoinHandle,
    time::timeout,
};

/// How long a batch may wait to be taken while others wait for the connection.
const PATIENCE: Duration = Duration::from_millis(100);

/// Gives batches on, without holding a connection for longer than it must.
pub struct SpillSender {
    out: Sender<Answer<RecordBatch>>,
    pool: Arc<SnapshotPool>,
    schema: SchemaRef,
    context: Arc<TaskContext>,
    rest: Option<SpillFile>,
}

/// A file that is being written, and what is in it then.
struct SpillFile {
    to: Sender<RecordBatch>,
    written: JoinHandle<Answer<Option<SendableRecordBatchStream>>>,
}

impl SpillSender {
    pub fn new(
        out: Sender<Answer<RecordBatch>>,
        pool: Arc<SnapshotPool>,
        schema: SchemaRef,
        context: Arc<TaskContext>,
    ) -> Self {
        Self { out, pool, schema, context, rest: None }
    }

    /// Returns when nobody wants more.
    pub async fn closed(&self) {
        self.out.closed().await;
    }

    pub fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    /// Gives a batch on; says whether more is wanted.
    pub async fn give(&mut self, batch: RecordBatch) -> Answer<bool> {
        while self.rest.is_none() {
            match timeout(PATIENCE, self.out.reserve()).await {
                Ok(Ok(place)) => {
                    place.send(Ok(batch));
                    return Ok(true);
                }
                Ok(Err(SendError(()))) => return Ok(false),
                Err(_) if self.pool.is_wanted() && !self.schema.fields().is_empty() => self.rest = Some(self.file()),
                Err(_) => {}
            }
        }
        let rest = self.rest.as_ref().expect("it was just made");
        // The file's own error is told at the end.
        let kept = rest.to.send(batch).await.is_ok();
        Ok(kept && !self.is_closed())
    }

    fn file(&self) -> SpillFile {
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let spill = SpillManager::new(self.context.runtime_env(), metrics, self.schema.clone());
        let (to, from) = mpsc::channel(1);
        SpillFile { to, written: tokio::task::spawn_blocking(move || write(&spill, from)) }
    }

    /// Gives on what waits in the file. No connection is needed for that.
    pub async fn end(self) -> Answer<()> {
        let Some(SpillFile { to, written }) = self.rest else { return Ok(()) };
        drop(to);
        let written = written.await.map_err(|panic| DataFusionError::External(Box::new(panic)))??;
        let Some(mut rest) = written else { return Ok(()) };
        while let Some(batch) = rest.next().await {
            if self.out.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn write(spill: &SpillManager, mut from: Receiver<RecordBatch>) -> Answer<Option<SendableRecordBatchStream>> {
    let mut file = spill.create_in_progress_file("rows that wait while the connection reads another table")?;
    while let Some(batch) = from.blocking_recv() {
        file.append_batch(&batch)?;
    }
    file.finish()?.map(|file| spill.read_spill_as_stream(file, None)).transpose()
}
