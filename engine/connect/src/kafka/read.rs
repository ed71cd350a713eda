//! Reading a topic: from a position on, decoded as declared.

use super::{
    begin::marks,
    places::reach,
    poll::{Order, Poller, Said},
    pollers::{Pollers, poll},
    scan::scan,
    shape::{Shape, decoder},
    stand::Stand,
    topic::{Extents, Topic},
    trouble::{Trouble, explain},
};
use crate::{
    decode::avro::Schemas,
    error::Result,
    read::{BatchLimit, OpenTable, TableRequest},
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
    if let (Some(limit), Some(stand)) = (request.limit, since.and_then(Stand::read))
        && let Some(extents) = pollers.extents(&topic.topic, &stand, TRUSTED)
    {
        return batch(shape, &extents, stand, limit, pollers).await;
    }
    let asked = Instant::now();
    let reached = reach(topic, since).await;
    if !matches!(reached, Ok(Some(_))) {
        // Whatever comes after this is another topic.
        pollers.take(&topic.topic);
    }
    let Some((extents, stand)) = reached? else { return Ok(shape.opened(vec![], None, false)) };
    match request.limit {
        None => Ok(scan(shape, &extents, &stand)),
        Some(limit) => {
            let read = batch(shape, &extents, stand, limit, pollers).await?;
            pollers.know(&topic.topic, extents, asked);
            Ok(read)
        }
    }
}

/// Reads a batch, decoding what has come while more comes.
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
    let (decoded, stand) = loop {
        let poller = match going_on.take() {
            Some(poller) => poller,
            None => poll(topic)?,
        };
        let order = Order { from: from.clone(), ends: ends.clone(), limit: Some(limit), marks: marks.clone() };
        // By itself, so that who waits for it may have other work to do.
        let following = SpawnedTask::spawn(follow(shape.clone(), poller, order));
        let (mut poller, followed) = following.join().await.expect("following does not panic");
        match followed {
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
    Ok(shape.opened(decoded?, Some(stand.position()), behind(&stand)))
}

/// Follows an order, and decodes one chunk while the next one is polled: each thread that decodes keeps memory of its own.
async fn follow(shape: Shape, poller: Poller, order: Order) -> (Poller, Result<(Decoded, Stand), Trouble>) {
    let said = poller.follow(order);
    (poller, decode(&shape, said).await)
}

type Decoded = Result<Vec<RecordBatch>>;

async fn decode(shape: &Shape, mut said: Receiver<Said>) -> Result<(Decoded, Stand), Trouble> {
    let mut decoded = Ok(vec![]);
    let mut decoding: Option<JoinHandle<Result<RecordBatch>>> = None;
    loop {
        let said = said.recv().await.ok_or(Trouble::Silent)?;
        if let (Some(chunk), Ok(batches)) = (decoding.take(), &mut decoded) {
            match chunk.await.expect("decoding does not panic") {
                Ok(batch) => batches.push(batch),
                Err(undecoded) => decoded = Err(undecoded),
            }
        }
        match said {
            Said::Some(messages) => {
                let shape = shape.clone();
                decoding = Some(tokio::task::spawn_blocking(move || shape.decode(*messages, true)));
            }
            Said::Done(stand) => return Ok((decoded, stand)),
            Said::Trouble(trouble) => return Err(trouble),
        }
    }
}
