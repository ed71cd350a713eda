//! Reading a topic: from a position on, decoded as declared.

use super::{
    decoding::{Shape, decoder},
    lag::reach,
    poller::{PollEvent, PollRequest, Poller},
    poller_cache::{Pollers, poll},
    read_error::{ReadError, explain},
    read_offsets::ReadOffsets,
    scan::scan,
    start_offsets::marks,
    topic::{Extents, Topic},
};
use crate::{
    format::avro::decoder::Schemas,
    hub::{
        error::{Blame, Result},
        source::{BatchLimit, OpenTable, TableRequest},
    },
};
use datafusion::{arrow::array::RecordBatch, common::runtime::SpawnedTask};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc::Receiver, task::JoinHandle};

/// How long a topic is believed to be the same as it was.
const TRUSTED: Duration = Duration::from_secs(1);

/// Opens a topic. With a limit, the messages are read now; without, as they are scanned.
pub async fn open(
    topic: &Topic,
    request: &TableRequest,
    (pollers, schemas): (&Pollers, Option<Arc<dyn Schemas>>),
) -> Result<OpenTable> {
    let shape = Shape { topic: topic.clone(), decoder: decoder(topic, request, schemas)? };
    let since = request.since.as_ref();
    if let (Some(limit), Some(read_offsets)) = (request.limit, since.and_then(ReadOffsets::read))
        && let Some(extents) = pollers.extents(&topic.topic, &read_offsets, TRUSTED)
    {
        return batch(shape, &extents, read_offsets, limit, pollers).await;
    }
    let asked = Instant::now();
    let reached = reach(topic, since).await;
    if !matches!(reached, Ok(Some(_))) {
        // Whatever comes after this is another topic.
        pollers.take(&topic.topic);
    }
    let Some((extents, read_offsets)) = reached? else {
        let message = format!("there is no topic `{}`", topic.topic);
        let hint = "write it first, or correct its name; `create` says how to make it when it is first written";
        return Err(topic.error("opening", Blame::User, message).absent(hint));
    };
    match request.limit {
        None => Ok(scan(shape, &extents, &read_offsets)),
        Some(limit) => {
            let read = batch(shape, &extents, read_offsets, limit, pollers).await?;
            pollers.know(&topic.topic, extents, asked);
            Ok(read)
        }
    }
}

/// A topic that is not there, as if it had no messages.
pub fn open_missing(topic: &Topic, request: &TableRequest, schemas: Option<Arc<dyn Schemas>>) -> Result<OpenTable> {
    let shape = Shape { topic: topic.clone(), decoder: decoder(topic, request, schemas)? };
    Ok(shape.opened(vec![], None, false))
}

/// Reads a batch, decoding what has come while more comes.
async fn batch(
    shape: Shape,
    extents: &Extents,
    from: ReadOffsets,
    limit: BatchLimit,
    pollers: &Pollers,
) -> Result<OpenTable> {
    let topic = &shape.topic;
    let ends: BTreeMap<i32, i64> = extents.iter().map(|(partition, extent)| (*partition, extent.end)).collect();
    let behind = |read_offsets: &ReadOffsets| ends.iter().any(|(partition, end)| read_offsets.next(*partition) < *end);
    // While one waited at the end, the topic may have been made anew.
    let fresh = |at: &Instant| at.elapsed() < TRUSTED || !behind(&from);
    let goes_on = |poller: &Poller| {
        poller.read_offsets.as_ref().is_some_and(|(read_offsets, at)| *read_offsets == from && fresh(at))
    };
    let mut going_on = pollers.take(&topic.topic).filter(goes_on);
    let mut marks = if going_on.is_some() { BTreeMap::new() } else { marks(extents, &from) };
    let (decoded, read_offsets) = loop {
        let poller = match going_on.take() {
            Some(poller) => poller,
            None => poll(topic)?,
        };
        let order = PollRequest { from: from.clone(), ends: ends.clone(), limit: Some(limit), marks: marks.clone() };
        // By itself, so that who waits for it may have other work to do.
        let following = SpawnedTask::spawn(follow(shape.clone(), poller, order));
        let (mut poller, followed) = following.join().await.expect("following does not panic");
        match followed {
            Ok(done) => {
                poller.read_offsets = Some((done.1.clone(), Instant::now()));
                pollers.put(&topic.topic, poller);
                break done;
            }
            Err(ReadError::Lost(partition, _)) if topic.is_compacted().await? != Some(false) => {
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
    Ok(shape.opened(decoded?, Some(read_offsets.position()), behind(&read_offsets)))
}

/// Follows an order, and decodes one chunk while the next one is polled: each thread that decodes keeps memory of its own.
async fn follow(
    shape: Shape,
    poller: Poller,
    order: PollRequest,
) -> (Poller, Result<(Decoded, ReadOffsets), ReadError>) {
    let said = poller.follow(order);
    (poller, decode(&shape, said).await)
}

type Decoded = Result<Vec<RecordBatch>>;

async fn decode(shape: &Shape, mut said: Receiver<PollEvent>) -> Result<(Decoded, ReadOffsets), ReadError> {
    let mut decoded = Ok(vec![]);
    let mut decoding: Option<JoinHandle<Result<RecordBatch>>> = None;
    loop {
        let said = said.recv().await.ok_or(ReadError::Silent)?;
        if let (Some(chunk), Ok(batches)) = (decoding.take(), &mut decoded) {
            match chunk.await.expect("decoding does not panic") {
                Ok(batch) => batches.push(batch),
                Err(undecoded) => decoded = Err(undecoded),
            }
        }
        match said {
            PollEvent::Some(messages) => {
                let shape = shape.clone();
                decoding = Some(tokio::task::spawn_blocking(move || shape.decode(*messages, true)));
            }
            PollEvent::Done(read_offsets) => return Ok((decoded, read_offsets)),
            PollEvent::ReadError(trouble) => return Err(trouble),
        }
    }
}
