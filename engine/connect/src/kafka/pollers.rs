//! Pollers that wait between the batches of their topics.

use super::{poll::Poller, topic::Topic};
use crate::error::{Blame, Result};
use std::{collections::BTreeMap, sync::Mutex};

/// Pollers that wait for the next batch of their topic.
#[derive(Debug, Default)]
pub struct Pollers(Mutex<BTreeMap<String, Poller>>);

impl Pollers {
    /// The one of a topic, which it is not any more.
    pub fn take(&self, topic: &str) -> Option<Poller> {
        self.0.lock().expect("no holder of this lock panics").remove(topic)
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
