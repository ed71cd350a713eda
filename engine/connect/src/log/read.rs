//! Reading a topic: from a position on, decoded as declared.

use super::topic::{At, Committed, Line, Topic};
use crate::{
    decode::json::JsonDecoder,
    error::{Blame, Result},
    position::Position,
    read::{OpenTable, RejectedRow, Rejects, TableRequest, message_facts},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
        datatypes::{Field, Schema, SchemaRef},
    },
    catalog::streaming::StreamingTable,
    datasource::MemTable,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use engine_language::{
    config::source::BadRows,
    table::{Column, TableDefinition},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Messages of one batch of a scan.
const CHUNK: u64 = 8192;

/// Where a reader of a topic stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stand {
    topic: String,
    partitions: Vec<At>,
}

/// Opens a topic. With a limit, the messages are read now; without, as they are scanned.
pub fn open(topic: &Topic, request: &TableRequest) -> Result<OpenTable> {
    let decoder = decoder(topic, request)?;
    let bad_rows = request.declared.as_ref().map_or(BadRows::Fail, |declared| declared.bad_rows);
    let rejected = Rejects::default();
    let shape = Shape { topic: topic.clone(), schema: with_facts(decoder.schema()), decoder, bad_rows, rejected };
    let definition = TableDefinition {
        columns: shape.schema.fields().iter().filter_map(|field| crate::types::column(field)).collect::<Vec<Column>>(),
        ..TableDefinition::default()
    };
    let Some(committed) = topic.committed()? else {
        let provider = Arc::new(MemTable::try_new(shape.schema.clone(), vec![vec![]]).expect("no rows fit any schema"));
        return Ok(OpenTable { provider, definition, next: None, more: false, rejected: shape.rejected });
    };
    let stand = stand(topic, &committed, request.since.as_ref())?;
    let Some(limit) = request.limit else { return Ok(scan(shape, &committed, stand, definition)) };
    let mut batches = vec![];
    let mut next = stand.clone();
    let mut left = limit.rows;
    for (partition, end) in committed.partitions.iter().enumerate() {
        let (lines, at) = topic.messages(partition, next.partitions[partition], end.next, left, limit.bytes)?;
        left -= lines.len() as u64;
        next.partitions[partition] = at;
        batches.push(shape.decode(partition, &lines, true)?);
    }
    let more = next.partitions.iter().zip(&committed.partitions).any(|(at, end)| at.next < end.next);
    let provider = Arc::new(MemTable::try_new(shape.schema.clone(), vec![batches]).expect("batches have this schema"));
    let moved = next != stand || request.since.is_none();
    let next = if moved { Some(position(&next)) } else { request.since.clone() };
    Ok(OpenTable { provider, definition, next, more, rejected: shape.rejected })
}

fn position(stand: &Stand) -> Position {
    Position(serde_json::to_value(stand).expect("numbers and text are JSON"))
}

fn scan(shape: Shape, committed: &Committed, stand: Stand, definition: TableDefinition) -> OpenTable {
    let rejected = shape.rejected.clone();
    let schema = shape.schema.clone();
    let shape = Arc::new(shape);
    let streams = committed.partitions.iter().enumerate().map(|(partition, end)| {
        let from = stand.partitions[partition];
        Arc::new(Partition { shape: shape.clone(), partition, from, end: end.next }) as Arc<dyn PartitionStream>
    });
    let table = StreamingTable::try_new(schema, streams.collect()).expect("partitions have this schema");
    let ends = committed.partitions.iter().map(|end| At { next: end.next, segment: end.segment, byte: end.bytes });
    let next = Stand { topic: committed.id.clone(), partitions: ends.collect() };
    OpenTable { provider: Arc::new(table), definition, next: Some(position(&next)), more: false, rejected }
}

fn decoder(topic: &Topic, request: &TableRequest) -> Result<JsonDecoder> {
    let declared = request.declared.as_ref().filter(|declared| !declared.columns.is_empty());
    let Some(declared) = declared else {
        let hint = "declare them: `columns = { name = \"text\" }` under the source's table";
        return Err(topic.error("reading", Blame::User, "its columns are not declared").hint(hint));
    };
    if let Some(format) = declared.format.as_ref().filter(|format| format.value != "json") {
        let message = format!("the format `{}` is not known to topics on disk", format.value);
        return Err(topic.error("reading", Blame::User, message).hint("use `format = \"json\"`"));
    }
    let columns = declared.columns.iter().map(|(name, kind)| (name.value.clone(), kind.value.clone()));
    Ok(JsonDecoder::new(columns.collect()))
}

/// Where to begin: at the position, if it is one of this very topic and not beyond its end.
fn stand(topic: &Topic, committed: &Committed, since: Option<&Position>) -> Result<Stand> {
    let Some(since) = since else {
        let start = At { next: 0, segment: 0, byte: 0 };
        return Ok(Stand { topic: committed.id.clone(), partitions: vec![start; committed.partitions.len()] });
    };
    let gap = |why: String| {
        topic
            .error("reading", Blame::User, why)
            .hint("start over with `engine run MODEL --full-refresh`, or restore the topic")
    };
    let stand: Stand =
        serde_json::from_value(since.0.clone()).map_err(|_| gap("the position is not one of a topic".into()))?;
    if stand.topic != committed.id {
        return Err(gap("the topic was made anew since it was last read".into()));
    }
    for (partition, at) in stand.partitions.iter().enumerate() {
        let end = committed.partitions.get(partition).map_or(0, |end| end.next);
        if at.next > end {
            return Err(gap(format!("partition {partition} ends at {end}, before the position {}", at.next)));
        }
    }
    Ok(stand)
}

/// What messages become.
#[derive(Debug)]
struct Shape {
    topic: Topic,
    decoder: JsonDecoder,
    schema: SchemaRef,
    bad_rows: BadRows,
    rejected: Rejects,
}

/// The declared columns, then what the topic knows of each message.
fn with_facts(declared: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Field> = declared.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend(message_facts());
    Arc::new(Schema::new(fields))
}

impl Shape {
    /// Messages as columns; what cannot be read goes where the user said.
    fn decode(&self, partition: usize, lines: &[Line], collect: bool) -> Result<RecordBatch> {
        let payloads: Vec<Vec<u8>> = lines.iter().map(Line::payload).collect();
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let broken = |error: &dyn std::fmt::Display| self.topic.error("reading", Blame::Data, error);
        let decoded = self.decoder.decode(&slices).map_err(|error| broken(&error))?;
        for (i, reason) in decoded.refused {
            let offset = i64::try_from(lines[i].offset).unwrap_or(i64::MAX);
            match self.bad_rows {
                BadRows::Fail => {
                    let message = format!("offset {offset} of partition {partition}: {reason}");
                    let hint = "correct the message, or declare `bad_rows = \"dead_letter\"`";
                    return Err(broken(&message).hint(hint));
                }
                BadRows::DeadLetter if collect => self.rejected.push(RejectedRow {
                    source: self.topic.name.to_string(),
                    partition: u32::try_from(partition).unwrap_or(u32::MAX),
                    offset,
                    payload: payloads[i].clone(),
                    reason,
                }),
                BadRows::DeadLetter | BadRows::Skip => {
                    tracing::warn!(topic = %self.topic.name, offset, reason, "left out");
                }
            }
        }
        let good = || decoded.good.iter().map(|i| &lines[*i]);
        let count = decoded.good.len();
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let mut columns: Vec<ArrayRef> = decoded.rows.columns().to_vec();
        columns.push(Arc::new(good().map(|line| line.key.clone()).collect::<StringArray>()));
        columns.push(Arc::new(Int32Array::from(vec![number; count])));
        columns.push(Arc::new(good().map(|line| Some(line.offset.cast_signed())).collect::<Int64Array>()));
        let times = good().map(|line| Some(line.timestamp)).collect::<TimestampMicrosecondArray>();
        columns.push(Arc::new(times.with_timezone("UTC")));
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| broken(&error))
    }
}

/// One partition, scanned.
#[derive(Debug)]
struct Partition {
    shape: Arc<Shape>,
    partition: usize,
    from: At,
    end: u64,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.shape.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.shape.schema.clone(), 2);
        let (shape, partition, end, out) = (self.shape.clone(), self.partition, self.end, builder.tx());
        let mut at = self.from;
        builder.spawn_blocking(move || {
            while at.next < end {
                let (lines, next) = shape.topic.messages(partition, at, end, CHUNK, u64::MAX)?;
                at = next;
                let batch = shape.decode(partition, &lines, false)?;
                if out.blocking_send(Ok(batch)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}
