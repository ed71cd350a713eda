//! Messages that were, or are to be, dead letters: read again at their places.

use super::{
    client::{Consumer, PATIENCE},
    poller::{PollEvent, PollRequest, push},
    poller_cache::poll,
    read_error::{ReadError, explain},
    read_offsets::{At, ReadOffsets},
    topic::Topic,
};
use crate::{
    format::messages::Messages,
    hub::{error::Result, rejected::RejectedRow},
};
use rdkafka::{
    Message as _,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode as Code},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Up to so many messages between two places are read through; beyond, one goes to the second.
const NEAR: i64 = 1000;
/// Why a dead letter cannot be tried by a model that reads what only its message has.
pub const GONE: &str = "the model reads what a dead letter does not keep, and its message is not in the topic any more";
/// How long a poll waits.
const TICK: Duration = Duration::from_millis(50);

/// The message at a place, as it would be rejected.
pub async fn message(topic: &Topic, (partition, offset): (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    let partitions = BTreeMap::from([(partition, At { next: offset, last: None })]);
    let from = ReadOffsets { topic: topic.topic.clone(), partitions };
    let ends = BTreeMap::from([(partition, offset + 1)]);
    let poller = poll(topic)?;
    let mut said = poller.follow(PollRequest { from, ends, limit: None, marks: BTreeMap::new() });
    match said.recv().await {
        Some(PollEvent::Some(messages)) => {
            Ok(Some(RejectedRow { source: topic.name.to_string(), ..messages.row(0, reason) }))
        }
        Some(PollEvent::Done(_)) => Ok(None),
        Some(PollEvent::ReadError(trouble)) => Err(explain(topic, trouble)),
        None => Err(explain(topic, ReadError::Silent)),
    }
}

/// Rejected messages as their topic holds them now, and those that it does not hold any more.
pub async fn find(topic: &Topic, rows: Vec<RejectedRow>) -> Result<(Messages, Vec<RejectedRow>)> {
    let extents = topic.extents().await?.unwrap_or_default();
    let (mut there, mut gone) = (BTreeMap::<i32, BTreeMap<i64, RejectedRow>>::new(), vec![]);
    for row in rows {
        let partition = i32::try_from(row.partition).unwrap_or(i32::MAX);
        let extent = extents.get(&partition).filter(|extent| (extent.low..extent.end).contains(&row.offset));
        match extent {
            Some(_) => drop(there.entry(partition).or_default().insert(row.offset, row)),
            None => gone.push(row),
        }
    }
    let topic = topic.clone();
    let work = move || {
        let mut found = Messages::default();
        for (partition, mut rows) in there {
            let consumer = topic.client.consumer()?;
            let searched = search(&consumer, (&topic.topic, partition), &mut rows, &mut found);
            searched.map_err(|error| explain(&topic, ReadError::Kafka(error)))?;
            gone.extend(rows.into_values());
        }
        Ok((found, gone))
    };
    tokio::task::spawn_blocking(work).await.expect("a search does not panic")
}

/// Looks for the messages of a partition, from the first place to the last. What was found is taken out of `rows`.
fn search(
    consumer: &Consumer,
    (topic, partition): (&str, i32),
    rows: &mut BTreeMap<i64, RejectedRow>,
    found: &mut Messages,
) -> Result<(), KafkaError> {
    let places: Vec<i64> = rows.keys().copied().collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(()) };
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(*first))?;
    consumer.assign(&list)?;
    let mut heard = Instant::now();
    loop {
        let message = match consumer.poll(TICK) {
            Some(Ok(message)) => message,
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None if heard.elapsed() > PATIENCE => {
                return Err(KafkaError::MessageConsumption(Code::OperationTimedOut));
            }
            None => continue,
        };
        heard = Instant::now();
        let at = message.offset();
        // Another message may stand there, if the topic was made anew.
        let same = |row: &RejectedRow| row.payload == message.payload().unwrap_or_default();
        if rows.get(&at).is_some_and(same) {
            rows.remove(&at);
            push(found, &message);
        }
        if at >= *last {
            return Ok(());
        }
        let next = places[places.partition_point(|place| *place <= at)];
        if next - at > NEAR {
            consumer.seek(topic, partition, Offset::Offset(next), PATIENCE)?;
        }
    }
}
