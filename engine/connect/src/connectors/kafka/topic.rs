//! One topic: its partitions, how far they reach, and making it.

use super::client::{Client, Consumer, PATIENCE};
use crate::hub::error::{Blame, Error, Result};
use engine_language::{config::source::Create, name::Name};
use rdkafka::{
    admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode as Code},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its cluster.
    pub client: Client,
    /// What users call it.
    pub name: Name,
    /// What the cluster calls it.
    pub topic: String,
}

/// How far a partition reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The offset of the first message that may be there.
    pub low: i64,
    /// The offset behind the last message that may be read.
    pub end: i64,
}

/// How far each partition reaches.
pub type Extents = BTreeMap<i32, Extent>;

impl Topic {
    /// An error about it.
    pub fn error(&self, doing: &str, blame: Blame, why: impl ToString) -> Error {
        self.client.error(&format!("{doing} `{}`", self.name), blame, why.to_string())
    }

    /// The number of its partitions; `None` if it is not there.
    pub async fn partitions(&self) -> Result<Option<i32>> {
        let (doing, topic) = (format!("describing `{}`", self.name), self.topic.clone());
        self.client.ask(&doing, move |consumer| partitions(consumer, &topic)).await
    }

    /// How far it reaches; `None` if it is not there.
    pub async fn extents(&self) -> Result<Option<Extents>> {
        let (doing, topic) = (format!("reading `{}`", self.name), self.topic.clone());
        let reach = move |consumer: &Consumer| {
            let Some(count) = partitions(consumer, &topic)? else { return Ok(None) };
            let lows = offsets(consumer, &topic, count, EARLIEST)?;
            let ends = offsets(consumer, &topic, count, LATEST)?;
            let both = lows.into_iter().zip(ends);
            Ok(Some(both.map(|((partition, low), (_, end))| (partition, Extent { low, end })).collect()))
        };
        self.client.ask(&doing, move |consumer| patiently(|| reach(consumer))).await
    }

    /// Waits until what was just committed can be read: the broker says that a transaction is committed before its readers
    /// know. What another's open transaction holds up is not waited for for long.
    pub async fn settled(&self) -> Result<()> {
        let (client, topic, doing) = (self.client.clone(), self.topic.clone(), format!("publishing `{}`", self.name));
        let began = Instant::now();
        let asked = tokio::task::spawn_blocking(move || {
            let ends = |consumer: Consumer| {
                patiently(|| match partitions(&consumer, &topic)? {
                    Some(count) => offsets(&consumer, &topic, count, LATEST),
                    None => Ok(BTreeMap::new()),
                })
            };
            ends(client.uncommitted()?).map_err(|error| client.fault(&doing, &error))
        });
        let written = asked.await.expect("a driver does not panic")?;
        while began.elapsed() < SETTLING {
            let Some(extents) = self.extents().await? else { break };
            let known = |(partition, end): (&i32, &i64)| extents.get(partition).is_none_or(|extent| extent.end >= *end);
            if written.iter().all(known) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// By partition the offset of the first message of a time or later, in milliseconds since 1970 UTC; the end if there is none.
    pub async fn since(&self, time: i64) -> Result<BTreeMap<i32, i64>> {
        let (doing, topic) = (format!("reading `{}`", self.name), self.topic.clone());
        let find = move |consumer: &Consumer| {
            let count = partitions(consumer, &topic)?.unwrap_or(0);
            let ends = offsets(consumer, &topic, count, LATEST)?;
            let found = offsets(consumer, &topic, count, time.max(0))?;
            let pairs = found.into_iter().zip(ends);
            Ok(pairs.map(|((partition, at), (_, end))| (partition, if at < 0 { end } else { at })).collect())
        };
        self.client.ask(&doing, find).await
    }

    /// Whether messages may be missing between others, because newer ones of their keys are there.
    pub async fn is_compacted(&self) -> Result<Option<bool>> {
        let admin = self.client.admin()?;
        let asked = admin.describe_configs([&ResourceSpecifier::Topic(&self.topic)], &options()).await;
        let answers = asked.map_err(|error| self.client.fault(&format!("describing `{}`", self.name), &error))?;
        let config = answers.into_iter().next().and_then(Result::ok);
        let policy = config.and_then(|config| config.get("cleanup.policy")?.value.clone());
        Ok(policy.map(|policy| policy.contains("compact")))
    }

    /// Makes it unless it is there, and waits until it can be written.
    pub async fn make(&self, create: Option<&Create>) -> Result<()> {
        if self.partitions().await?.is_some() {
            return Ok(());
        }
        let doing = format!("making `{}`", self.name);
        let whole = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let (partitions, replication) = create.map_or((1, -1), |c| (whole(c.partitions), whole(c.replication)));
        let new = NewTopic::new(&self.topic, partitions, TopicReplication::Fixed(replication));
        let made = self.client.admin()?.create_topics([&new], &options()).await;
        let made = made.map_err(|error| self.client.fault(&doing, &error))?;
        for result in made {
            if let Err((_, code)) = result
                && code != Code::TopicAlreadyExists
            {
                return Err(self.client.said(&doing, code, code.to_string()));
            }
        }
        for _ in 0..100 {
            // A new topic is known before its partitions have leaders.
            if matches!(self.extents().await, Ok(Some(_))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(self.error("making", Blame::System, "its partitions have no leaders yet").later())
    }
}

/// Asks again while a partition changes its leader.
fn patiently<T>(ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(error) if error.rdkafka_error_code().is_some_and(changing) && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(100));
            }
            answer => return answer,
        }
    }
}

fn changing(code: Code) -> bool {
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::OffsetNotAvailable
            | Code::UnknownLeaderEpoch
            | Code::FencedLeaderEpoch
    )
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn partitions(consumer: &Consumer, topic: &str) -> Result<Option<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let Some(found) = metadata.topics().first() else { return Ok(None) };
    match found.error().map(Code::from) {
        None => Ok(Some(i32::try_from(found.partitions().len()).unwrap_or(i32::MAX))),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic) => Ok(None),
        Some(code) => Err(KafkaError::MetadataFetch(code)),
    }
}

/// Longest wait for readers to know of a commit.
const SETTLING: Duration = Duration::from_secs(5);
/// Stands for the first offset where a time is asked for.
const EARLIEST: i64 = -2;
/// Stands for the offset behind the last.
const LATEST: i64 = -1;

/// The offsets of a time in all partitions, asked of each broker at once; less than 0 where nothing is so late.
fn offsets(consumer: &Consumer, topic: &str, count: i32, time: i64) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let mut times = TopicPartitionList::with_capacity(usize::try_from(count).unwrap_or(0));
    for partition in 0..count {
        times.add_partition_offset(topic, partition, Offset::from_raw(time))?;
    }
    if count == 0 {
        return Ok(BTreeMap::new());
    }
    let found = consumer.offsets_for_times(times, PATIENCE)?;
    let mut offsets = BTreeMap::new();
    for element in found.elements() {
        element.error()?;
        offsets.insert(element.partition(), element.offset().to_raw().unwrap_or(LATEST));
    }
    Ok(offsets)
}
