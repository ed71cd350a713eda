//! One table's rows on their way: several streams into as many writers, digested as they pass.

use super::{Job, Passing};
use crate::{
    error::{Error, Result},
    event::Event,
    sql::{classify_error, session::Session},
    steps::step_run::StepRun,
};
use datafusion::{
    error::DataFusionError,
    execution::SendableRecordBatchStream,
    physical_plan::{ExecutionPlan, ExecutionPlanProperties as _, execute_stream, execute_stream_partitioned},
};
use engine_connect::{
    arrow::digest::{Digest, Digester, RowDigester},
    hub::{
        publication::{Publication, Writer, Writers},
        version::ContentFrom,
    },
};
use engine_language::{config::replication::Verify, graph::NodeId};
use futures::StreamExt;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::task::JoinSet;

/// What passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied {
    /// Rows.
    pub rows: u64,
    /// Their bytes in memory.
    pub bytes: u64,
    /// Their digest, where somebody compares it.
    pub digest: Option<Digest>,
    /// The same as the source makes it inside.
    pub from: Option<Digest>,
    /// The same as the target makes it inside.
    pub to: Option<Digest>,
}

/// What digests rows as they pass.
struct Digesters {
    rows: Option<Digester>,
    from: Option<Box<dyn RowDigester>>,
    to: Option<Box<dyn RowDigester>>,
}

/// How a table will be read.
pub struct Scan {
    session: Session,
    plan: Arc<dyn ExecutionPlan>,
    /// Whether all streams are read as one.
    as_one: bool,
}

impl Scan {
    /// In how many streams.
    pub fn streams(&self) -> usize {
        if self.as_one { 1 } else { self.plan.output_partitioning().partition_count() }
    }

    fn begin(self) -> Result<Vec<SendableRecordBatchStream>, DataFusionError> {
        let task = self.session.context.task_ctx();
        if self.as_one {
            Ok(vec![execute_stream(self.plan, task)?])
        } else {
            execute_stream_partitioned(self.plan, task)
        }
    }
}

impl Job<'_> {
    /// Plans how a table is read.
    pub(super) async fn scan(&self, table: &Passing) -> Result<Scan> {
        let session = self.run.runner.sessions.open();
        let plan = session.context.read_table(table.open.provider.clone())?.create_physical_plan().await?;
        // Rows of one key must keep their order; a source's keys are unique, so any order will do.
        Ok(Scan { session, plan, as_one: self.to.writable()?.facts().writers == 1 })
    }

    /// Copies a table into its staging.
    pub(super) async fn one(&self, table: &Passing, scan: Scan, publisher: &dyn Publication) -> Result<Copied> {
        let progress = Arc::new(CopyProgress::default());
        let mut working = JoinSet::new();
        for rows in scan.begin()? {
            let writer = publisher.writer(&table.place.table, Writers::Several).await?;
            let digesters = self.digesters(table, publisher)?;
            let stream = Stream { run: self.run.clone(), node: table.node.clone(), progress: progress.clone() };
            working.spawn(stream.copy(rows, writer, digesters));
        }
        let mut all: Option<Digesters> = None;
        while let Some(done) = working.join_next().await {
            let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            match &mut all {
                None => all = Some(done),
                Some(all) => all.join(&done),
            }
        }
        let all = all.unwrap_or(Digesters { rows: None, from: None, to: None });
        Ok(Copied {
            rows: progress.rows.load(Ordering::Relaxed),
            bytes: progress.bytes.load(Ordering::Relaxed),
            digest: all.rows.map(|digester| digester.digest()),
            from: all.from.map(|digester| digester.digest()),
            to: all.to.map(|digester| digester.digest()),
        })
    }

    fn digesters(&self, table: &Passing, publisher: &dyn Publication) -> Result<Digesters> {
        let verify = self.replication.verify != Verify::Count;
        let from = if verify { table.open.digester() } else { None };
        let to = publisher.server_digest().filter(|_| verify).and_then(|inside| inside.digester(&table.place.table));
        let schema = table.open.provider.schema();
        // Where the target cannot digest by itself, its rows are read back; and where a version is the rows' digest, it is
        // known from here.
        let told =
            self.to.writable()?.facts().content_is_digest || self.from.readable()?.content_from() == ContentFrom::Rows;
        let wanted = told || verify && (from.is_none() || to.is_none());
        let rows = wanted.then(|| Digester::new(&schema)).transpose().map_err(DataFusionError::from)?;
        Ok(Digesters { rows, from, to })
    }
}

#[derive(Debug, Default)]
struct CopyProgress {
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// One of a table's streams.
struct Stream {
    run: StepRun,
    node: NodeId,
    progress: Arc<CopyProgress>,
}

impl Stream {
    async fn copy(
        self,
        mut rows: SendableRecordBatchStream,
        mut writer: Box<dyn Writer>,
        mut digesters: Digesters,
    ) -> Result<Digesters> {
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            digesters.add(&batch)?;
            let (count, size) = (batch.num_rows() as u64, batch.get_array_memory_size() as u64);
            writer.write(batch).await?;
            let rows = self.progress.rows.fetch_add(count, Ordering::Relaxed) + count;
            let bytes = self.progress.bytes.fetch_add(size, Ordering::Relaxed) + size;
            self.run.send(&Event::StepProgress { node: self.node.clone(), rows, bytes, of_rows: None });
        }
        writer.finish().await?;
        Ok(digesters)
    }
}

impl Digesters {
    fn add(&mut self, batch: &datafusion::arrow::array::RecordBatch) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            rows.add(batch).map_err(DataFusionError::from)?;
        }
        for digester in self.from.iter_mut().chain(&mut self.to) {
            digester.add(batch).map_err(|why| Error::Project(Box::new(classify_error::not_digested(&why))))?;
        }
        Ok(())
    }

    fn join(&mut self, other: &Self) {
        if let (Some(rows), Some(other)) = (&mut self.rows, &other.rows) {
            rows.join(other.digest());
        }
        for (mine, other) in [(&mut self.from, &other.from), (&mut self.to, &other.to)] {
            if let (Some(mine), Some(other)) = (mine, other) {
                mine.join(other.digest());
            }
        }
    }
}
