//! Where readers of a topic stand, could begin, and how far that is from its end.

use super::{
    poller::{PollEvent, PollRequest},
    poller_cache::poll,
    read_error::{ReadError, explain},
    read_offsets::{At, Mark, ReadOffsets},
    start_offsets::{begin, beyond, gap},
    topic::{Extent, Extents, Topic},
};
use crate::hub::{
    error::Result,
    position::Position,
    topics::{Lag, Offsets, Start},
};
use std::{collections::BTreeMap, time::Duration};

/// How far a topic reaches, and where a reading begins; `None` if it is not there and was not read before.
pub async fn reach(topic: &Topic, since: Option<&Position>) -> Result<Option<(Extents, ReadOffsets)>> {
    for attempt in 0.. {
        let Some(extents) = topic.extents().await? else {
            return if since.is_some() { Err(gap(topic, "the topic is not there any more")) } else { Ok(None) };
        };
        let read_offsets = begin(topic, &extents, since)?;
        match beyond(topic, &extents, &read_offsets) {
            None => return Ok(Some((extents, read_offsets))),
            // A broker that has just begun may not know yet how far its partitions reach.
            Some(_) if attempt < 10 => tokio::time::sleep(Duration::from_millis(200)).await,
            Some(error) => return Err(error),
        }
    }
    unreachable!("the last attempt returns")
}

/// How far a position is behind the end.
pub async fn lag(topic: &Topic, since: Option<&Position>) -> Result<Option<Lag>> {
    let Some((extents, read_offsets)) = reach(topic, since).await? else { return Ok(Some(Lag::new())) };
    let behind = extents.iter().map(|(partition, extent)| {
        let behind = u64::try_from(extent.end - read_offsets.next(*partition)).unwrap_or(0);
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
    let from = ReadOffsets { topic: topic.topic.clone(), partitions };
    let poller = poll(topic)?;
    let mut said = poller.follow(PollRequest { from, ends, limit: None, marks: BTreeMap::new() });
    loop {
        match said.recv().await {
            Some(PollEvent::Some(_)) => {}
            Some(PollEvent::Done(read_offsets)) => {
                return Ok(read_offsets.partitions.into_values().filter_map(|at| at.last).collect());
            }
            Some(PollEvent::ReadError(trouble)) => return Err(explain(topic, trouble)),
            None => return Err(explain(topic, ReadError::Silent)),
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
    let mut read_offsets = begin(topic, &extents, None)?;
    for (partition, place) in &mut read_offsets.partitions {
        let extent = extents[partition];
        place.next = match at {
            Start::Earliest => extent.low,
            Start::Latest => extent.end,
            Start::Time(_) => times.get(partition).copied().unwrap_or(extent.end),
            Start::Offset(offset) => i64::try_from(offset).unwrap_or(i64::MAX).clamp(extent.low, extent.end),
        };
    }
    Ok(Some(read_offsets.position()))
}

/// The position of a reader that went on to these offsets. Of the messages there nothing is known to know them again by.
pub async fn passed(topic: &Topic, since: Option<&Position>, next: &Offsets) -> Result<Option<Position>> {
    let mut read_offsets = match since.and_then(ReadOffsets::read) {
        Some(read_offsets) => read_offsets,
        None => match reach(topic, since).await? {
            Some((_, read_offsets)) => read_offsets,
            None => return Ok(None),
        },
    };
    for (partition, next) in next {
        let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
        if read_offsets.next(partition) != *next {
            read_offsets.partitions.insert(partition, At { next: *next, last: None });
        }
    }
    Ok(Some(read_offsets.position()))
}
