//! Where a reader of a topic stands, and how it knows the topic again.

use crate::hub::position::Position;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::Xxh3;

/// Where a reader of a topic stands, by partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOffsets {
    /// The topic, as the cluster names it.
    pub topic: String,
    /// Its partitions.
    pub partitions: BTreeMap<i32, At>,
}

/// A place in a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The offset of the next message.
    pub next: i64,
    /// The last message that was read: a topic that has another one there is another topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Mark>,
}

/// What a message is known again by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its offset.
    pub offset: i64,
    /// Its time in milliseconds since 1970 UTC.
    pub time: i64,
    /// A digest of its key and its bytes.
    pub digest: u64,
}

impl Mark {
    /// Of a message.
    pub fn new(offset: i64, time: i64, key: Option<&[u8]>, payload: &[u8]) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&(key.map_or(0, <[u8]>::len) as u64).to_le_bytes());
        hash.update(key.unwrap_or_default());
        hash.update(payload);
        Self { offset, time, digest: hash.digest() }
    }
}

impl ReadOffsets {
    /// Reads a position; `None` if it is not one of a topic.
    pub fn read(position: &Position) -> Option<Self> {
        serde_json::from_value(position.0.clone()).ok()
    }

    /// The same as a position.
    pub fn position(&self) -> Position {
        Position(serde_json::to_value(self).expect("numbers and text are JSON"))
    }

    /// The next offset of a partition.
    pub fn next(&self, partition: i32) -> i64 {
        self.partitions.get(&partition).map_or(0, |at| at.next)
    }
}
