//! Polling a topic, on a thread that does nothing else.

use super::{
    client::{Consumer, vague},
    read_error::ReadError,
    read_offsets::{Mark, ReadOffsets},
    topic::Extents,
};
use crate::{
    format::messages::{Message as Row, Messages},
    hub::source::BatchLimit,
};
use rdkafka::{
    Message as _, Timestamp,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{BorrowedMessage, Headers as _},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that are handed over together: few, so that the first are decoded while others are polled.
const CHUNK: usize = 1024;
/// Messages after which the time is looked at, while they come one after the other.
const LOOK: usize = 64;
/// Bytes that are handed over together.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that wait to be taken.
const AHEAD: usize = 8;
/// How long a poll waits.
const TICK: Duration = Duration::from_millis(50);
/// How long a broker may have nothing to say where its end says that there is something.
const SILENCE: Duration = Duration::from_secs(30);

/// What is to be read.
#[derive(Debug)]
pub struct PollRequest {
    /// From where on; where the poller stands, if it was given an order before.
    pub from: ReadOffsets,
    /// How far, by partition.
    pub ends: BTreeMap<i32, i64>,
    /// How much at most; `None` is up to the ends and nothing beyond.
    pub limit: Option<BatchLimit>,
    /// Last messages that are to be found again before anything is read.
    pub marks: BTreeMap<i32, Mark>,
}

/// What is said while an order is followed.
#[derive(Debug)]
pub enum PollEvent {
    /// Messages.
    Some(Box<Messages>),
    /// That is all; the reader stands here.
    Done(ReadOffsets),
    /// It cannot go on.
    ReadError(ReadError),
}

/// A thread that polls one topic, and where it stands. It ends when this is dropped.
#[derive(Debug)]
pub struct Poller {
    orders: mpsc::Sender<(PollRequest, Sender<PollEvent>)>,
    /// Where it stood after its last order, and when that was.
    pub read_offsets: Option<(ReadOffsets, Instant)>,
    /// How far its topic reached, and when that was.
    pub extents: Option<(Extents, Instant)>,
}

impl Poller {
    /// Starts its thread.
    pub fn start(consumer: Consumer) -> std::io::Result<Self> {
        let (orders, todo) = mpsc::channel::<(PollRequest, Sender<PollEvent>)>();
        let work = move || {
            let mut polling = Polling { consumer, read_offsets: None };
            while let Ok((order, out)) = todo.recv() {
                let done = polling.follow(order, &out);
                let said = done.map_or_else(PollEvent::ReadError, PollEvent::Done);
                let failed = matches!(said, PollEvent::ReadError(_));
                if out.blocking_send(said).is_err() || failed {
                    break;
                }
            }
        };
        thread::Builder::new().name("kafka".into()).spawn(work)?;
        Ok(Self { orders, read_offsets: None, extents: None })
    }

    /// Begins to follow an order.
    pub fn follow(&self, order: PollRequest) -> Receiver<PollEvent> {
        let (out, said) = channel(AHEAD);
        // A thread that has ended drops the sender, and the receiver says so.
        let _ = self.orders.send((order, out));
        said
    }
}

/// What the thread knows.
struct Polling {
    consumer: Consumer,
    /// `None` until something is assigned. That is done once: `librdkafka` may abort the process where a topic that was
    /// deleted is assigned again.
    read_offsets: Option<ReadOffsets>,
}

impl Polling {
    fn follow(&mut self, order: PollRequest, out: &Sender<PollEvent>) -> Result<ReadOffsets, ReadError> {
        let read_offsets = match self.read_offsets.take() {
            Some(read_offsets) => read_offsets,
            None => self.assign(&order)?,
        };
        let read_offsets = self.read(read_offsets, order, out)?;
        self.read_offsets = Some(read_offsets.clone());
        Ok(read_offsets)
    }

    fn read(
        &self,
        mut read_offsets: ReadOffsets,
        mut order: PollRequest,
        out: &Sender<PollEvent>,
    ) -> Result<ReadOffsets, ReadError> {
        // The last message of each partition, of which alone there will be a mark.
        let mut last: BTreeMap<i32, BorrowedMessage<'_>> = BTreeMap::new();
        let whole = order.limit.is_none();
        let limit = order.limit.unwrap_or(BatchLimit { rows: u64::MAX, bytes: u64::MAX, time: Duration::MAX });
        let (mut messages, mut rows, mut bytes) = (Messages::default(), 0, 0);
        // Asking for the time at each message would take longer than the message.
        let (mut silent, mut first, mut polls) = (None::<Instant>, None::<Instant>, 0_usize);
        while rows < limit.rows
            && bytes < limit.bytes
            && !(order.marks.is_empty() && reached(&read_offsets, &order.ends))
        {
            polls += 1;
            let late = |first: Instant| first.elapsed() >= limit.time;
            if (silent.is_some() || polls % LOOK == 0) && first.is_some_and(late) || out.is_closed() {
                break;
            }
            // One that may not wait asks for no time either.
            match self.consumer.poll(Duration::ZERO).or_else(|| self.consumer.poll(TICK)) {
                Some(Ok(message)) => {
                    silent = None;
                    if !know_again(&mut order.marks, &message)? {
                        continue;
                    }
                    let end = order.ends.get(&message.partition()).copied().unwrap_or(0);
                    read_offsets.partitions.entry(message.partition()).or_default().next = message.offset() + 1;
                    if !whole || message.offset() < end {
                        first.get_or_insert_with(Instant::now);
                        rows += 1;
                        bytes += size(&message);
                        push(&mut messages, &message);
                    }
                    last.insert(message.partition(), message);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.end(partition, &mut read_offsets)?;
                    if let Some(mark) = order.marks.get(&partition) {
                        return Err(ReadError::Lost(partition, mark.offset));
                    }
                }
                Some(Err(error)) if !passes(&error) => return Err(ReadError::Kafka(error)),
                Some(Err(_)) | None => {
                    if silent.get_or_insert_with(Instant::now).elapsed() > SILENCE {
                        return Err(ReadError::Silent);
                    }
                }
            }
            if messages.len() >= CHUNK || messages.size_bytes() >= CHUNK_BYTES {
                let _ = out.blocking_send(PollEvent::Some(Box::new(std::mem::take(&mut messages))));
            }
        }
        if !messages.is_empty() {
            let _ = out.blocking_send(PollEvent::Some(Box::new(messages)));
        }
        for (partition, message) in &last {
            read_offsets.partitions.entry(*partition).or_default().last = Some(mark(message));
        }
        Ok(read_offsets)
    }

    /// Goes to where the order begins, or to the last message before that, to know it again.
    fn assign(&mut self, order: &PollRequest) -> Result<ReadOffsets, ReadError> {
        let mut list = TopicPartitionList::new();
        for (partition, at) in &order.from.partitions {
            let offset = order.marks.get(partition).map_or(at.next, |mark| mark.offset);
            let added = list.add_partition_offset(&order.from.topic, *partition, Offset::Offset(offset));
            added.map_err(ReadError::Kafka)?;
        }
        self.consumer.assign(&list).map_err(ReadError::Kafka)?;
        Ok(order.from.clone())
    }

    /// At the end of a partition only the consumer knows where it stands: behind what is no message may lie more.
    fn end(&self, partition: i32, read_offsets: &mut ReadOffsets) -> Result<(), ReadError> {
        let places = self.consumer.position().map_err(ReadError::Kafka)?;
        for place in places.elements() {
            if let (true, Offset::Offset(next)) = (place.partition() == partition, place.offset()) {
                let at = read_offsets.partitions.entry(partition).or_default();
                at.next = at.next.max(next);
            }
        }
        Ok(())
    }
}

fn reached(read_offsets: &ReadOffsets, ends: &BTreeMap<i32, i64>) -> bool {
    ends.iter().all(|(partition, end)| read_offsets.next(*partition) >= *end)
}

/// Whether the message is to be read; the last one before is only known again.
fn know_again(marks: &mut BTreeMap<i32, Mark>, message: &BorrowedMessage<'_>) -> Result<bool, ReadError> {
    let partition = message.partition();
    let Some(mark) = marks.remove(&partition) else { return Ok(true) };
    if message.offset() > mark.offset {
        return Err(ReadError::Lost(partition, mark.offset));
    }
    if self::mark(message) == mark { Ok(false) } else { Err(ReadError::Other(partition, mark.offset)) }
}

fn mark(message: &BorrowedMessage<'_>) -> Mark {
    let time = message.timestamp().to_millis().unwrap_or(-1);
    Mark::new(message.offset(), time, message.key(), message.payload().unwrap_or_default())
}

fn size(message: &BorrowedMessage<'_>) -> u64 {
    (message.payload_len() + message.key_len()) as u64
}

/// Adds a message to others.
pub fn push(messages: &mut Messages, message: &BorrowedMessage<'_>) {
    let time = match message.timestamp() {
        Timestamp::NotAvailable => 0,
        Timestamp::CreateTime(ms) | Timestamp::LogAppendTime(ms) => ms.saturating_mul(1000),
    };
    let row = Row {
        partition: message.partition(),
        offset: message.offset(),
        time,
        key: message.key(),
        payload: message.payload().unwrap_or_default(),
    };
    match message.headers() {
        None => messages.push(row),
        Some(headers) => messages.push_with(row, headers.iter().map(|header| (header.key, header.value))),
    }
}

/// Whether the client goes on by itself.
fn passes(error: &KafkaError) -> bool {
    let KafkaError::MessageConsumption(code) = error else { return false };
    vague(*code) || matches!(code, Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::Fail)
}
