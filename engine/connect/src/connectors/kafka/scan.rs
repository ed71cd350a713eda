//! Scanning a topic to the ends that it has now, each partition by itself.

use super::{
    decoding::Shape,
    poller::{PollEvent, PollRequest},
    poller_cache::poll,
    read_error::explain,
    read_offsets::{At, ReadOffsets},
    topic::Extents,
};
use crate::hub::source::OpenTable;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::streaming::StreamingTable,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use std::{collections::BTreeMap, sync::Arc};

/// The topic from there on; its messages are read as they are scanned.
pub fn scan(shape: Shape, extents: &Extents, read_offsets: &ReadOffsets) -> OpenTable {
    let mut end = read_offsets.clone();
    let mut streams: Vec<Arc<dyn PartitionStream>> = vec![];
    for (partition, extent) in extents {
        let from = end.partitions.entry(*partition).or_default();
        let part =
            ReadOffsets { topic: read_offsets.topic.clone(), partitions: BTreeMap::from([(*partition, from.clone())]) };
        *from = At { next: extent.end.max(from.next), last: None };
        streams.push(Arc::new(Partition { shape: shape.clone(), from: part, partition: *partition, end: extent.end }));
    }
    let table = StreamingTable::try_new(shape.decoder.schema().clone(), streams).expect("partitions have this schema");
    let next = Some(end.position());
    OpenTable { provider: Arc::new(table), next, ..shape.opened(vec![], None, false) }
}

/// One partition, scanned.
#[derive(Debug)]
struct Partition {
    shape: Shape,
    from: ReadOffsets,
    partition: i32,
    end: i64,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        self.shape.decoder.schema()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema().clone(), 2);
        let (shape, from, out) = (self.shape.clone(), self.from.clone(), builder.tx());
        let ends = BTreeMap::from([(self.partition, self.end)]);
        builder.spawn(async move {
            let poller = poll(&shape.topic)?;
            let mut said = poller.follow(PollRequest { from, ends, limit: None, marks: BTreeMap::new() });
            while let Some(said) = said.recv().await {
                let messages = match said {
                    PollEvent::Some(messages) => messages,
                    PollEvent::Done(_) => break,
                    PollEvent::ReadError(trouble) => return Err(explain(&shape.topic, trouble).into()),
                };
                let decoder = shape.clone();
                let decoded = tokio::task::spawn_blocking(move || decoder.decode(*messages, false)).await;
                if out.send(Ok(decoded.expect("decoding does not panic")?)).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}
