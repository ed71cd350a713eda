//! Pollers that wait between the batches of their topics.

use super::{
    poller::Poller,
    read_offsets::ReadOffsets,
    topic::{Extent, Extents, Topic},
};
use crate::hub::error::{Blame, Result};
use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Pollers that wait for the next batch of their topic.
#[derive(Debug, Default)]
pub struct Pollers(Mutex<BTreeMap<String, Poller>>);

impl Pollers {
    /// The one of a topic, which it is not any more.
    pub fn take(&self, topic: &str) -> Option<Poller> {
        self.0.lock().expect("no holder of this lock panics").remove(topic)
    }

    /// How far a topic reaches, if its poller stands there, in the middle of it, and was told that just now.
    pub fn extents(&self, topic: &str, read_offsets: &ReadOffsets, trusted: Duration) -> Option<Extents> {
        let all = self.0.lock().expect("no holder of this lock panics");
        let Poller { read_offsets: Some((at, _)), extents: Some((extents, asked)), .. } = all.get(topic)? else {
            return None;
        };
        let behind = |(partition, extent): (&i32, &Extent)| at.next(*partition) < extent.end;
        (at == read_offsets && asked.elapsed() < trusted && extents.iter().any(behind)).then(|| extents.clone())
    }

    /// Has a topic's poller know how far the topic reached.
    pub fn know(&self, topic: &str, extents: Extents, asked: Instant) {
        if let Some(poller) = self.0.lock().expect("no holder of this lock panics").get_mut(topic) {
            poller.extents = Some((extents, asked));
        }
    }

    /// Keeps one.
    pub fn put(&self, topic: &str, poller: Poller) {
        self.0.lock().expect("no holder of this lock panics").insert(topic.to_owned(), poller);
    }
}

/// A new one.
pub fn poll(topic: &Topic) -> Result<Poller> {
    let consumer = topic.client.consumer()?;
    Poller::start(consumer).map_err(|error| topic.error("reading", Blame::System, error))
}
