//! Reading a topic: from a position on, decoded as declared.

use super::topic::{At, Committed, Line, Topic};
use crate::{
    arrow::batch_size::BYTES,
    format::{
        decoder::{BAD_ROW, MessageDecoder},
        messages::{Message, Messages},
    },
    hub::{
        error::{Blame, Result},
        position::Position,
        rejected::RejectedRow,
        source::{OpenTable, TableRequest},
        topics::{Lag, Offsets, Start},
    },
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::streaming::StreamingTable,
    datasource::MemTable,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Messages of one batch of a scan.
const CHUNK: u64 = 8192;

/// Where a reader of a topic stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ReadOffsets {
    topic: String,
    partitions: Vec<At>,
}

/// Opens a topic. With a limit, the messages are read now; without, as they are scanned.
pub fn open(topic: &Topic, request: &TableRequest) -> Result<OpenTable> {
    let decoder = decoder(topic, request)?;
    let shape = Shape { topic: topic.clone(), decoder };
    let Some(committed) = topic.committed()? else {
        let message = format!("there is no topic `{}`", topic.name);
        let hint = "write it first, or correct its name; `create` says how to make it when it is first written";
        return Err(topic.error("opening", Blame::User, message).absent(hint));
    };
    let read_offsets = read_offsets(topic, &committed, request.since.as_ref())?;
    let Some(limit) = request.limit else { return Ok(scan(shape, &committed, read_offsets)) };
    let mut batches = vec![];
    let mut next = read_offsets.clone();
    let mut left = limit.rows;
    for (partition, end) in committed.partitions.iter().enumerate() {
        let (lines, at) = topic.messages(partition, next.partitions[partition], end.next, left, limit.bytes)?;
        left -= lines.len() as u64;
        next.partitions[partition] = at;
        batches.push(shape.decode(partition, &lines, true)?);
    }
    let more = next.partitions.iter().zip(&committed.partitions).any(|(at, end)| at.next < end.next);
    let moved = next != read_offsets || request.since.is_none();
    let next = if moved { Some(position(&next)) } else { request.since.clone() };
    Ok(opened(&shape, batches, next, more))
}

/// A topic that is not there, as if it had no messages.
pub fn open_missing(topic: &Topic, request: &TableRequest) -> Result<OpenTable> {
    let decoder = decoder(topic, request)?;
    Ok(opened(&Shape { topic: topic.clone(), decoder }, vec![], None, false))
}

/// What each message becomes.
pub fn decoder(topic: &Topic, request: &TableRequest) -> Result<MessageDecoder> {
    MessageDecoder::new(request, None).map_err(|(why, hint)| topic.error("reading", Blame::User, why).hint(hint))
}

fn opened(shape: &Shape, batches: Vec<RecordBatch>, next: Option<Position>, more: bool) -> OpenTable {
    let schema = shape.decoder.schema().clone();
    let provider = Arc::new(MemTable::try_new(schema, vec![batches]).expect("batches have this schema"));
    let rejected = shape.decoder.rejected().clone();
    OpenTable {
        provider,
        definition: shape.decoder.definition(),
        next,
        more,
        size_bytes: None,
        instant: None,
        rejected,
    }
}

/// How far a position is behind the end.
pub fn lag(topic: &Topic, since: Option<&Position>) -> Result<Option<Lag>> {
    let Some(committed) = topic.committed()? else { return Ok(Some(Lag::new())) };
    let read_offsets = read_offsets(topic, &committed, since)?;
    let ends = read_offsets.partitions.iter().zip(&committed.partitions).zip(0..);
    Ok(Some(ends.map(|((at, end), number)| (number, end.next - at.next)).collect()))
}

/// The position of a reader that begins there.
pub fn start(topic: &Topic, at: Start) -> Result<Option<Position>> {
    let Some(committed) = topic.committed()? else { return Ok(None) };
    let mut read_offsets = read_offsets(topic, &committed, None)?;
    for (partition, (from, end)) in read_offsets.partitions.iter_mut().zip(&committed.partitions).enumerate() {
        let next = match at {
            Start::Earliest => 0,
            Start::Latest => end.next,
            Start::Offset(offset) => offset.min(end.next),
            Start::Time(time) => first_since(topic, partition, end.next, time)?,
        };
        *from = place(topic, partition, next)?;
    }
    Ok(Some(position(&read_offsets)))
}

/// Where a message begins, or the segment that holds it.
fn place(topic: &Topic, partition: usize, next: u64) -> Result<At> {
    let firsts = topic.segments(partition).map_err(|error| topic.io("reading", &error))?;
    let segment = firsts.into_iter().rfind(|first| *first <= next).unwrap_or(0);
    Ok(At { next, segment, byte: 0 })
}

/// The position of a reader that went on to these offsets.
pub fn passed(topic: &Topic, since: Option<&Position>, next: &Offsets) -> Result<Option<Position>> {
    let Some(committed) = topic.committed()? else { return Ok(None) };
    let mut read_offsets = read_offsets(topic, &committed, since)?;
    for (partition, offset) in next {
        let partition = *partition as usize;
        if let Some(at) = read_offsets.partitions.get_mut(partition) {
            *at = place(topic, partition, offset.unsigned_abs())?;
        }
    }
    Ok(Some(position(&read_offsets)))
}

/// The message at a place, as it would be rejected.
pub fn message(topic: &Topic, (partition, offset): (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
    let (partition, next) = (partition as usize, offset.unsigned_abs());
    let (lines, _) = topic.messages(partition, place(topic, partition, next)?, next + 1, 1, u64::MAX)?;
    if lines.is_empty() {
        return Ok(None);
    }
    Ok(Some(RejectedRow { source: topic.name.to_string(), ..messages(partition, &lines).row(0, reason) }))
}

/// The offset of a partition's first message of this time or later.
fn first_since(topic: &Topic, partition: usize, end: u64, time: i64) -> Result<u64> {
    let mut at = At { next: 0, segment: 0, byte: 0 };
    while at.next < end {
        let (lines, next) = topic.messages(partition, at, end, CHUNK, BYTES as u64)?;
        if let Some(line) = lines.iter().find(|line| line.timestamp >= time) {
            return Ok(line.offset);
        }
        at = next;
    }
    Ok(end)
}

fn position(read_offsets: &ReadOffsets) -> Position {
    Position(serde_json::to_value(read_offsets).expect("numbers and text are JSON"))
}

fn scan(shape: Shape, committed: &Committed, read_offsets: ReadOffsets) -> OpenTable {
    let shape = Arc::new(shape);
    let streams = committed.partitions.iter().enumerate().map(|(partition, end)| {
        let from = read_offsets.partitions[partition];
        Arc::new(Partition { shape: shape.clone(), partition, from, end: end.next }) as Arc<dyn PartitionStream>
    });
    let schema = shape.decoder.schema().clone();
    let table = StreamingTable::try_new(schema, streams.collect()).expect("partitions have this schema");
    let ends = committed.partitions.iter().map(|end| At { next: end.next, segment: end.segment, byte: end.bytes });
    let next = ReadOffsets { topic: committed.id.clone(), partitions: ends.collect() };
    OpenTable { provider: Arc::new(table), next: Some(position(&next)), ..opened(&shape, vec![], None, false) }
}

/// Where to begin: at the position, if it is one of this very topic and not beyond its end.
fn read_offsets(topic: &Topic, committed: &Committed, since: Option<&Position>) -> Result<ReadOffsets> {
    let Some(since) = since else {
        let start = At { next: 0, segment: 0, byte: 0 };
        return Ok(ReadOffsets { topic: committed.id.clone(), partitions: vec![start; committed.partitions.len()] });
    };
    let gap = |why: String| {
        topic
            .error("reading", Blame::Gap, why)
            .hint("start over with `engine run MODEL --from earliest`, go on behind the gap with `--from latest`, or restore the topic")
    };
    let read_offsets: ReadOffsets =
        serde_json::from_value(since.0.clone()).map_err(|_| gap("the position is not one of a topic".into()))?;
    if read_offsets.topic != committed.id {
        return Err(gap("the topic was made anew since it was last read".into()));
    }
    for (partition, at) in read_offsets.partitions.iter().enumerate() {
        let end = committed.partitions.get(partition).map_or(0, |end| end.next);
        if at.next > end {
            return Err(gap(format!("partition {partition} ends at {end}, before the position {}", at.next)));
        }
    }
    Ok(read_offsets)
}

/// What messages become.
#[derive(Debug)]
struct Shape {
    topic: Topic,
    decoder: MessageDecoder,
}

impl Shape {
    /// Messages as columns; what cannot be read goes where the user said.
    fn decode(&self, partition: usize, lines: &[Line], keep: bool) -> Result<RecordBatch> {
        let messages = messages(partition, lines);
        let wrong = |why: String| self.topic.error("reading", Blame::Data, why).hint(BAD_ROW);
        self.decoder.decode(messages, keep).map_err(|undecoded| undecoded.explained(wrong))
    }
}

fn messages(partition: usize, lines: &[Line]) -> Messages {
    let mut messages = Messages::default();
    for line in lines {
        messages.push(Message {
            partition: i32::try_from(partition).unwrap_or(i32::MAX),
            offset: line.offset.cast_signed(),
            time: line.timestamp,
            key: line.key.as_deref().map(str::as_bytes),
            payload: &line.payload(),
        });
    }
    messages
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
        self.shape.decoder.schema()
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.shape.decoder.schema().clone(), 2);
        let (shape, partition, end, out) = (self.shape.clone(), self.partition, self.end, builder.tx());
        let mut at = self.from;
        builder.spawn_blocking(move || {
            while at.next < end {
                let (lines, next) = shape.topic.messages(partition, at, end, CHUNK, BYTES as u64)?;
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
