//! Where a reading begins, and whether what comes next is still there.

use super::{
    read_offsets::{At, Mark, ReadOffsets},
    topic::{Extents, Topic},
};
use crate::hub::{
    error::{Blame, Error, Result},
    position::Position,
};
use std::collections::BTreeMap;

/// What to do about a gap.
const WAYS_OUT: &str = "`engine run MODEL --from earliest` reads what is there, over the rows of the same keys; \
                        `--from latest` goes on behind it and leaves the gap; or restore the topic";

/// Where to begin: at the position, or at the first message that is there. A partition that the position does not know
/// is new, and begins at 0.
pub fn begin(topic: &Topic, extents: &Extents, since: Option<&Position>) -> Result<ReadOffsets> {
    let Some(since) = since else {
        let partitions = extents.iter().map(|(partition, extent)| (*partition, At { next: extent.low, last: None }));
        return Ok(ReadOffsets { topic: topic.topic.clone(), partitions: partitions.collect() });
    };
    let mut read_offsets =
        ReadOffsets::read(since).ok_or_else(|| gap(topic, "the position is not one of a topic of Kafka"))?;
    if read_offsets.topic != topic.topic {
        return Err(gap(topic, format!("the position is one of the topic `{}`", read_offsets.topic)));
    }
    for partition in extents.keys() {
        read_offsets.partitions.entry(*partition).or_default();
    }
    for (partition, at) in &read_offsets.partitions {
        let Some(extent) = extents.get(partition) else {
            return Err(gap(topic, format!("it has no partition {partition} any more: it was made anew")));
        };
        if at.next < extent.low {
            let (next, low) = (at.next, extent.low);
            let why = format!("the messages of partition {partition} from offset {next} to {} are gone", low - 1);
            return Err(gap(topic, why));
        }
    }
    Ok(read_offsets)
}

/// The partition that ends before its position, if one does.
pub fn beyond(topic: &Topic, extents: &Extents, read_offsets: &ReadOffsets) -> Option<Error> {
    let mut all =
        read_offsets.partitions.iter().filter_map(|(partition, at)| Some((partition, at, extents.get(partition)?)));
    let (partition, at, extent) = all.find(|(_, at, extent)| at.next > extent.end)?;
    let why = format!("partition {partition} ends at {}, before the position {}", extent.end, at.next);
    Some(gap(topic, format!("{why}: it was made anew, or lost messages")))
}

/// The last messages that were read, as far as they can still be there.
pub fn marks(extents: &Extents, read_offsets: &ReadOffsets) -> BTreeMap<i32, Mark> {
    let known = read_offsets.partitions.iter().filter_map(|(partition, at)| Some((*partition, at.last.clone()?)));
    known.filter(|(partition, mark)| extents.get(partition).is_some_and(|extent| mark.offset >= extent.low)).collect()
}

/// What comes next is not there any more.
pub fn gap(topic: &Topic, why: impl ToString) -> Error {
    topic.error("reading", Blame::Gap, why).hint(WAYS_OUT)
}
