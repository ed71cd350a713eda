//! Where readers of a topic stand, could begin, and how far that is from its end.

use super::{
    begin::{begin, beyond, gap},
    poll::{Order, Said},
    pollers::poll,
    stand::{At, Mark, Stand},
    topic::{Extent, Extents, Topic},
    trouble::{Trouble, explain},
};
use crate::{
    error::Result,
    position::Position,
    read::{Lag, Offsets, Start},
};
use std::{collections::BTreeMap, time::Duration};

/// How far a topic reaches, and where a reading begins; `None` if it is not there and was not read before.
pub async fn reach(topic: &Topic, since: Option<&Position>) -> Result<Option<(Extents, Stand)>> {
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
