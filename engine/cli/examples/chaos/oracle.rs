//! What the topic says, read by another program than engine and by other means.

use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    topic_partition_list::{Offset, TopicPartitionList},
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a topic says.
#[derive(Debug, Default)]
pub struct Said {
    /// Messages in all.
    pub messages: u64,
    /// By user the last good event.
    pub users: BTreeMap<String, (i64, String)>,
    /// Where poison stands, partition and offset, in order.
    pub poison: Vec<(i32, i64)>,
}

/// Reads a topic from its beginning to its end.
pub fn ask(brokers: &str, topic: &str) -> Said {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "oracle");
    config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut left = metadata.topics()[0].partitions().len();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut said = Said::default();
    while left > 0 {
        match consumer.poll(PATIENCE).expect("the topic has an end") {
            Ok(message) => said.hear(message.partition(), message.offset(), message.payload().unwrap_or_default()),
            Err(KafkaError::PartitionEOF(_)) => left -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    said.poison.sort_unstable();
    said
}

impl Said {
    fn hear(&mut self, partition: i32, offset: i64, payload: &[u8]) {
        self.messages += 1;
        let Some((email, n, status)) = good(payload) else { return self.poison.push((partition, offset)) };
        self.users.insert(email, (n, status));
    }
}

/// The user, number and status of an event, if the table takes it.
fn good(payload: &[u8]) -> Option<(String, i64, String)> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let event = value.as_object()?;
    let n = match event.get("n") {
        None => return None,
        Some(n) => n.as_i64()?,
    };
    let status = event.get("status")?.as_str()?;
    let known = ["Gold", "Silver", "Bronze"].contains(&status);
    known.then_some((event.get("email")?.as_str()?.to_lowercase(), n, status.to_owned()))
}

/// That the table and the dead letters are what the topic says.
pub fn compare(said: &Said, found: &Said) {
    let poison = |said: &Said| said.poison.len();
    assert_eq!(poison(found), poison(said), "dead letters");
    assert_eq!(found.poison, said.poison, "each poison is once in the dead letters");
    assert_eq!(found.users.len(), said.users.len(), "users");
    for (email, expected) in &said.users {
        assert_eq!(found.users.get(email), Some(expected), "{email}");
    }
}
