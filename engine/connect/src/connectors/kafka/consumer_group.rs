//! Offsets in consumer groups, for those who watch how far readers are. No reader ever begins by them.

use super::{
    client::{Client, Consumer},
    read_offsets::ReadOffsets,
};
use crate::hub::error::Result;
use rdkafka::{
    consumer::{CommitMode, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long the cluster may take to take an offset.
const PATIENCE: Duration = Duration::from_secs(5);

/// A consumer for each group that was told of.
#[derive(Default)]
pub struct Groups(Mutex<BTreeMap<String, Arc<Consumer>>>);

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    /// Tells a group how far its reader is.
    pub async fn tell(self: &Arc<Self>, client: &Client, reader: &str, read_offsets: ReadOffsets) -> Result<()> {
        let (groups, client, reader) = (self.clone(), client.clone(), reader.to_owned());
        let told = tokio::task::spawn_blocking(move || {
            let consumer = groups.consumer(&client, &reader)?;
            commit(&consumer, &read_offsets)
                .map_err(|error| client.fault_because("telling its group", &error, consumer.context()))
        });
        told.await.expect("telling a group does not panic")
    }

    fn consumer(&self, client: &Client, reader: &str) -> Result<Arc<Consumer>> {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        if let Some(consumer) = all.get(reader) {
            return Ok(consumer.clone());
        }
        let consumer = Arc::new(client.consumer_of(Some(reader))?);
        all.insert(reader.to_owned(), consumer.clone());
        Ok(consumer)
    }
}

/// Commits, and looks whether that was heard: of a commit that does not wait, `librdkafka` tells nothing, and one that waits
/// may do so for minutes.
fn commit(consumer: &Consumer, read_offsets: &ReadOffsets) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, at) in &read_offsets.partitions {
        list.add_partition_offset(&read_offsets.topic, *partition, Offset::Offset(at.next))?;
    }
    consumer.commit(&list, CommitMode::Async)?;
    let began = Instant::now();
    while let Some(left) = PATIENCE.checked_sub(began.elapsed()) {
        let there = consumer.committed_offsets(list.clone(), left)?;
        consumer.context().heard(consumer.poll(Duration::from_millis(1)).and_then(Result::err));
        let pairs = there.elements().into_iter().zip(list.elements());
        if pairs.into_iter().all(|(there, told)| there.offset() == told.offset()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(KafkaError::ConsumerCommit(Code::OperationTimedOut))
}
