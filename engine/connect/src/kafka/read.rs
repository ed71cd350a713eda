//! Reading a topic: from a position on, decoded as declared.

use super::{
    begin::{begin, beyond, gap, marks},
    poll::{Order, Poller, Said, Trouble},
    stand::{At, Mark, Stand},
    topic::{Extent, Extents, Topic},
};
use crate::{
    decode::messages::{BAD_ROW, MessageDecoder, Messages},
    error::{Blame, Error, Result},
    position::Position,
    read::{BatchLimit, Lag, Offsets, OpenTable, RejectedRow, Start, TableRequest},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::streaming::StreamingTable,
    datasource::MemTable,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long a topic is believed to be the same as it was.
const TRUSTED: Duration = Duration::from_secs(1);

/// Pollers that wait for the next batch of their topic.
#[derive(Debug, Default)]
pub struct Pollers(Mutex<BTreeMap<String, Poller>>);

impl Pollers {
    fn take(&self, topic: &str) -> Option<Poller> {
        self.0.lock().expect("no holder of this lock panics").remove(topic)
    }

    fn put(&self, topic: &str, poller: Poller) {
        self.0.lock().expect("no holder of this lock panics").insert(topic.to_owned(), poller);
    }
}

/// Opens a topic. With a limit, the messages are read now; without, as they are scanned.
pub async fn open(topic: &Topic, request: &TableRequest, pollers: &Pollers) -> Result<OpenTable> {
    let shape = Shape { topic: topic.clone(), decoder: decoder(topic, request)? };
    let since = request.since.as_ref();
    let reached = reach(topic, since).await;
    if !matches!(reached, Ok(Some(_))) {
        // Whatever comes after this is another topic.
        pollers.take(&topic.topic);
    }
    let Some((extents, stand)) = reached? else { return Ok(opened(&shape, vec![], None, false)) };
    match request.limit {
        None => Ok(scan(shape, &extents, &stand)),
        Some(limit) => batch(shape, &extents, stand, limit, pollers).await,
    }
}

/// What each message becomes.
pub fn decoder(topic: &Topic, request: &TableRequest) -> Result<MessageDecoder> {
    MessageDecoder::new(request).map_err(|(why, hint)| topic.error("reading", Blame::User, why).hint(hint))
}

/// How far a topic reaches, and where a reading begins; `None` if it is not there and was not read before.
async fn reach(topic: &Topic, since: Option<&Position>) -> Result<Option<(Extents, Stand)>> {
    for attempt in 0.. {
        let Some(extents) = topic.extents().await? else {
            return if since.is_some() { Err(gap(topic, "the topic is not there any more")) } else { Ok(None) };
        };
        let stand = begin(topic, &extents, since)?;
        match beyond(topic, &extents, &stand) {
            None => return Ok(Some((extents, stand))),
            // A broker that has just begun may not know yet how far its partitions reach.
            Some(_) if attempt < 10 => tokio::time::sleep(Duration::from_millis(200)).await,
            Some(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

/// How far a position is behind the end.
pub async fn lag(topic: &Topic, since: Option<&Position>) -> Result<Option<Lag>> {
    let Some((extents, stand)) = reach(topic, since).await? else { return Ok(Some(Lag::new())) };
    let behind = extents.iter().map(|(partition, extent)| {
        let behind = u64::try_from(extent.end - stand.next(*partition)).unwrap_or(0);
        (u32::try_from(*partition).unwrap_or(u32::MAX), behind)
    });
    Ok(Some(behind.collect()))
}

/// The last message of each partition that has one, as far as it stands at the very end.
pub async fn last_marks(topic: &Topic, extents: &Extents) -> Result<Vec<Mark>> {
    let ends: BTreeMap<i32, i64> = extents.iter().map(|(partition, extent)| (*partition, extent.end)).collect();
    // Behind the last message may stand the end of its transaction.
    let near = |extent: &Extent| At { next: extent.low.max(extent.end - 2), last: None };
    let partitions = extents.iter().map(|(partition, extent)| (*partition, near(extent))).collect();
    let from = Stand { topic: topic.topic.clone(), partitions };
    let poller = poll(topic)?;
    let mut said = poller.follow(Order { from, ends, limit: None, marks: BTreeMap::new() });
    loop {
        match said.recv().await {
            Some(Said::Some(_)) => {}
            Some(Said::Done(stand)) => return Ok(stand.partitions.into_values().filter_map(|at| at.last).collect()),
            Some(Said::Trouble(trouble)) => return Err(explain(topic, trouble)),
            None => return Err(explain(topic, Trouble::Silent)),
        }
    }
}

/// The position of a reader that begins there.
pub async fn start(topic: &Topic, at: Start) -> Result<Option<Position>> {
    let Some(extents) = topic.extents().await? else { return Ok(None) };
    let times = match at {
        Start::Time(micros) => topic.since(micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) > 0)).await?,
        _ => BTreeMap::new(),
    };
    let mut stand = begin(topic, &extents, None)?;
    for (partition, place) in &mut stand.partitions {
        let extent = extents[partition];
        place.next = match at {
            Start::Earliest => extent.low,
            Start::Latest => extent.end,
            Start::Time(_) => times.get(partition).copied().unwrap_or(extent.end),
            Start::Offset(offset) => i64::try_from(offset).unwrap_or(i64::MAX).clamp(extent.low, extent.end),
        };
    }
    Ok(Some(stand.position()))
}

/// The position of a reader that went on to these offsets. Of the messages there nothing is known to know them again by.
pub async fn passed(topic: &Topic, since: Option<&Position>, next: &Offsets) -> Result<Option<Position>> {
    let mut stand = match since.and_then(Stand::read) {
        Some(stand) => stand,
        None => match reach(topic, since).await? {
            Some((_, stand)) => stand,
            None => return Ok(None),
        },
    };
    for (partition, next) in next {
        let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
        if stand.next(partition) != *next {
            stand.partitions.insert(partition, At { next: *next, last: None });
        }
    }
    Ok(Some(stand.position()))
}

/// The message at a place, as it would be rejected.
pub async fn message(topic: &Topic, (partition, offset): (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    let partitions = BTreeMap::from([(partition, At { next: offset, last: None })]);
    let from = Stand { topic: topic.topic.clone(), partitions };
    let ends = BTreeMap::from([(partition, offset + 1)]);
    let poller = poll(topic)?;
    let mut said = poller.follow(Order { from, ends, limit: None, marks: BTreeMap::new() });
    match said.recv().await {
        Some(Said::Some(messages)) => {
            Ok(Some(RejectedRow { source: topic.name.to_string(), ..messages.row(0, reason) }))
        }
        Some(Said::Done(_)) => Ok(None),
        Some(Said::Trouble(trouble)) => Err(explain(topic, trouble)),
        None => Err(explain(topic, Trouble::Silent)),
    }
}

/// What messages become.
#[derive(Clone, Debug)]
struct Shape {
    topic: Topic,
    decoder: MessageDecoder,
}

impl Shape {
    fn decode(&self, messages: Messages, keep: bool) -> Result<RecordBatch> {
        self.decoder.decode(messages, keep).map_err(|why| self.topic.error("reading", Blame::Data, why).hint(BAD_ROW))
    }
}

fn opened(shape: &Shape, batches: Vec<RecordBatch>, next: Option<Position>, more: bool) -> OpenTable {
    let schema = shape.decoder.schema().clone();
    let provider = Arc::new(MemTable::try_new(schema, vec![batches]).expect("batches have this schema"));
    let rejected = shape.decoder.rejected().clone();
    OpenTable { provider, definition: shape.decoder.definition(), next, more, rejected }
}

/// Reads a batch, decoding on other threads what has come while more comes.
async fn batch(
    shape: Shape,
    extents: &Extents,
    from: Stand,
    limit: BatchLimit,
    pollers: &Pollers,
) -> Result<OpenTable> {
    let topic = &shape.topic;
    let ends: BTreeMap<i32, i64> = extents.iter().map(|(partition, extent)| (*partition, extent.end)).collect();
    let behind = |stand: &Stand| ends.iter().any(|(partition, end)| stand.next(*partition) < *end);
    // While one waited at the end, the topic may have been made anew.
    let fresh = |at: &Instant| at.elapsed() < TRUSTED || !behind(&from);
    let goes_on = |poller: &Poller| poller.stand.as_ref().is_some_and(|(stand, at)| *stand == from && fresh(at));
    let mut going_on = pollers.take(&topic.topic).filter(goes_on);
    let mut marks = if going_on.is_some() { BTreeMap::new() } else { marks(extents, &from) };
    let (decoding, stand) = loop {
        let mut poller = match going_on.take() {
            Some(poller) => poller,
            None => poll(topic)?,
        };
        let order = Order { from: from.clone(), ends: ends.clone(), limit: Some(limit), marks: marks.clone() };
        match follow(&shape, &poller, order).await {
            Ok(done) => {
                poller.stand = Some((done.1.clone(), Instant::now()));
                pollers.put(&topic.topic, poller);
                break done;
            }
            Err(Trouble::Lost(partition, _)) if topic.is_compacted().await? != Some(false) => {
                tracing::warn!(topic = topic.topic, partition, "the last message that was read was compacted away");
                marks.remove(&partition);
            }
            Err(trouble) => {
                // What is not there any more is a gap, if it can be seen by now.
                reach(topic, Some(&from.position())).await?;
                return Err(explain(topic, trouble));
            }
        }
    };
    let mut batches = vec![];
    for chunk in decoding {
        batches.push(chunk.await.expect("decoding does not panic")?);
    }
    Ok(opened(&shape, batches, Some(stand.position()), behind(&stand)))
}

fn poll(topic: &Topic) -> Result<Poller> {
    let consumer = topic.client.consumer()?;
    Poller::start(consumer).map_err(|error| topic.error("reading", Blame::System, error))
}

type Decoding = Vec<tokio::task::JoinHandle<Result<RecordBatch>>>;

async fn follow(shape: &Shape, poller: &Poller, order: Order) -> Result<(Decoding, Stand), Trouble> {
    let mut said = poller.follow(order);
    let mut decoding = vec![];
    while let Some(said) = said.recv().await {
        match said {
            Said::Some(messages) => {
                let shape = shape.clone();
                decoding.push(tokio::task::spawn_blocking(move || shape.decode(*messages, true)));
            }
            Said::Done(stand) => return Ok((decoding, stand)),
            Said::Trouble(trouble) => return Err(trouble),
        }
    }
    Err(Trouble::Silent)
}

fn explain(topic: &Topic, trouble: Trouble) -> Error {
    match trouble {
        Trouble::Kafka(error) => match error.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                topic.error("reading", Blame::System, "the topic went away while it was read").later()
            }
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                topic.error("reading", Blame::System, "its messages were deleted while it was read").later()
            }
            _ => topic.client.fault(&format!("reading `{}`", topic.name), &error),
        },
        Trouble::Silent => topic.error("reading", Blame::System, "no message comes, though there are some").later(),
        Trouble::Other(partition, offset) => {
            let why = format!("another message stands at offset {offset} of partition {partition} than was read there");
            gap(topic, format!("{why}: the topic was made anew"))
        }
        Trouble::Lost(partition, offset) => {
            let why = format!("no message stands at offset {offset} of partition {partition}, where one was read");
            gap(topic, format!("{why}: the topic was made anew"))
        }
    }
}

fn scan(shape: Shape, extents: &Extents, stand: &Stand) -> OpenTable {
    let mut end = stand.clone();
    let mut streams: Vec<Arc<dyn PartitionStream>> = vec![];
    for (partition, extent) in extents {
        let from = end.partitions.entry(*partition).or_default();
        let part = Stand { topic: stand.topic.clone(), partitions: BTreeMap::from([(*partition, from.clone())]) };
        *from = At { next: extent.end.max(from.next), last: None };
        streams.push(Arc::new(Partition { shape: shape.clone(), from: part, partition: *partition, end: extent.end }));
    }
    let table = StreamingTable::try_new(shape.decoder.schema().clone(), streams).expect("partitions have this schema");
    let next = Some(end.position());
    OpenTable { provider: Arc::new(table), next, ..opened(&shape, vec![], None, false) }
}

/// One partition, scanned.
#[derive(Debug)]
struct Partition {
    shape: Shape,
    from: Stand,
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
            let mut said = poller.follow(Order { from, ends, limit: None, marks: BTreeMap::new() });
            while let Some(said) = said.recv().await {
                let messages = match said {
                    Said::Some(messages) => messages,
                    Said::Done(_) => break,
                    Said::Trouble(trouble) => return Err(explain(&shape.topic, trouble).into()),
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
