//! A topic of a test's own, written by another program than engine.

use super::{brokers, prefix};
use crate::contract::subject::{self, pairs_definition, request};
use datafusion::arrow::util::pretty::pretty_format_batches;
use engine_connect::hub::{
    connection::Connection,
    error::Result,
    position::Position,
    source::{BatchLimit, OpenTable, ReadRequest, TableRequest},
};
use engine_language::config::source::{BadRows, SourceTable};
use futures::executor::block_on;
use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::OwnedHeaders,
    producer::{BaseProducer, BaseRecord, Producer},
    topic_partition_list::{Offset, TopicPartitionList},
};
use std::{sync::Arc, thread::sleep, time::Duration};

const PATIENCE: Duration = Duration::from_secs(20);

/// A topic called `words` to engine.
pub struct Topic {
    pub connection: Arc<dyn Connection>,
    pub brokers: String,
    pub name: String,
    pub bad_rows: BadRows,
    pub required: Vec<&'static str>,
    _folder: tempfile::TempDir,
}

impl Topic {
    /// One that is not there.
    pub fn missing() -> Self {
        Self::at(&brokers(), "")
    }

    /// One that is not there, at these brokers, over these settings.
    pub fn at(brokers: &str, more: &str) -> Self {
        let prefix = prefix();
        let toml = format!("type = \"kafka\"\nbrokers = \"{brokers}\"\nprefix = \"{prefix}\"\n{more}");
        let folder = tempfile::tempdir().unwrap();
        let connection = subject::open(&toml, folder.path());
        let (brokers, name) = (brokers.to_owned(), format!("{prefix}words"));
        Self { connection, brokers, name, bad_rows: BadRows::DeadLetter, required: vec![], _folder: folder }
    }

    /// One with so many partitions.
    pub fn new(partitions: i32) -> Self {
        let topic = Self::missing();
        topic.create(partitions, &[]);
        topic
    }

    /// The same cluster as another program would open it.
    pub fn again(&self) -> Arc<dyn Connection> {
        let prefix = self.name.strip_suffix("words").unwrap();
        let toml = format!("type = \"kafka\"\nbrokers = \"{}\"\nprefix = \"{prefix}\"", self.brokers);
        subject::open(&toml, std::path::Path::new("/"))
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap()
    }

    pub fn create(&self, partitions: i32, config: &[(&str, &str)]) {
        let mut new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        for (key, value) in config {
            new = new.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        block_on(self.admin().create_topics([&new], &options)).unwrap().remove(0).unwrap();
        self.wait_for(Some(usize::try_from(partitions).unwrap()));
    }

    pub fn delete(&self) {
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        block_on(self.admin().delete_topics(&[&self.name], &options)).unwrap().remove(0).unwrap();
        self.wait_for(None);
    }

    pub fn grow(&self, partitions: usize) {
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let more = NewPartitions::new(&self.name, partitions);
        block_on(self.admin().create_partitions([&more], &options)).unwrap().remove(0).unwrap();
        self.wait_for(Some(partitions));
    }

    /// Deletes what stands before an offset.
    pub fn forget(&self, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(before)).unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        block_on(self.admin().delete_records(&list, &options)).unwrap();
    }

    fn wait_for(&self, partitions: Option<usize>) {
        let client = self.admin();
        for _ in 0..200 {
            let metadata = client.inner().fetch_metadata(Some(&self.name), PATIENCE).unwrap();
            let topic = &metadata.topics()[0];
            let ready = topic.partitions().iter().all(|partition| partition.leader() >= 0);
            let found = topic.error().is_none().then(|| topic.partitions().len());
            if found == partitions && ready {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("`{}` does not come to have {partitions:?} partitions", self.name);
    }

    /// Without idempotence, what is sent once more may come behind what was sent after it.
    fn producer(&self) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("enable.idempotence", "true").create().unwrap()
    }

    /// Sends messages to a partition, each a transaction of its own if `transactional`.
    pub fn send(&self, partition: i32, payloads: &[&str]) {
        let bytes: Vec<&[u8]> = payloads.iter().map(|payload| payload.as_bytes()).collect();
        self.send_bytes(partition, &bytes);
    }

    pub fn send_bytes(&self, partition: i32, payloads: &[&[u8]]) {
        let producer = self.producer();
        for payload in payloads {
            let record = BaseRecord::<(), [u8]>::to(&self.name).partition(partition).payload(payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Sends a message with all that a message can have.
    pub fn send_whole(&self, key: &[u8], time: i64, headers: OwnedHeaders, payload: Option<&str>) {
        let producer = self.producer();
        let mut record = BaseRecord::<[u8], str>::to(&self.name).partition(0).key(key).timestamp(time).headers(headers);
        if let Some(payload) = payload {
            record = record.payload(payload);
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// Sends messages in a transaction, and commits it or not.
    pub fn transact(&self, payloads: &[&str], commit: bool) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("transactional.id", &self.name);
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for payload in payloads {
            let record = BaseRecord::<(), str>::to(&self.name).partition(0).payload(payload);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        if commit { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) }.unwrap();
        // The broker answers before all partitions know; who begins anew under that id waits for them.
        let next: BaseProducer = config.create().unwrap();
        next.init_transactions(PATIENCE).unwrap();
    }

    /// The bytes of all messages of the first partition.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", "test").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.set("enable.auto.commit", "false").create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut found = vec![];
        while let Some(Ok(message)) = consumer.poll(PATIENCE) {
            found.push(message.payload().unwrap_or_default().to_vec());
        }
        found
    }

    /// What is asked for: `id bigint, word text`.
    pub fn request(&self, since: Option<Position>, limit: Option<BatchLimit>) -> TableRequest {
        let asked = request("words", &pairs_definition());
        let mut declared = SourceTable::clone(asked.declared.as_ref().unwrap());
        let at = declared.name.span;
        declared.bad_rows = self.bad_rows;
        declared.required = self
            .required
            .iter()
            .map(|name| engine_language::config::toml::Spanned::new((*name).to_owned(), at))
            .collect();
        TableRequest { declared: Some(Arc::new(declared)), since, limit, ..asked }
    }

    /// Reads at most so many messages.
    pub async fn read(&self, since: Option<Position>, rows: u64) -> Result<OpenTable> {
        self.read_by(&self.connection, since, rows).await
    }

    pub async fn read_by(
        &self,
        connection: &Arc<dyn Connection>,
        since: Option<Position>,
        rows: u64,
    ) -> Result<OpenTable> {
        let request = self.request(since, Some(limit(rows)));
        Ok(connection.readable().unwrap().open(ReadRequest { tables: vec![request] }).await?.tables.remove(0))
    }

    /// Follows the topic in batches of so many messages: all words in their order, and where that ends.
    pub async fn follow(&self, mut since: Option<Position>, rows: u64) -> (String, Option<Position>) {
        let mut words = vec![];
        loop {
            let open = self.read(since.clone(), rows).await.unwrap();
            words.push(column(&open, "word").await);
            since = open.next;
            if !open.more {
                words.retain(|word| !word.is_empty());
                return (words.join(" "), since);
            }
        }
    }
}

/// At most so many messages.
pub fn limit(rows: u64) -> BatchLimit {
    BatchLimit { rows, bytes: 1 << 20, time: Duration::from_secs(5) }
}

/// A column of an opened table, its values with spaces between, in the order in which they are read.
pub async fn column(open: &OpenTable, name: &str) -> String {
    cells(open, &format!("select \"{name}\" from t")).await
}

/// The cells of a query over an opened table `t`, with spaces between.
pub async fn cells(open: &OpenTable, sql: &str) -> String {
    let rows = subject::query(open.provider.clone(), sql).await;
    let text = pretty_format_batches(&rows).unwrap().to_string();
    let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = lines.flat_map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `{"id":…,"word":…}` of numbers.
pub fn events(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|n| format!("{{\"id\":{n},\"word\":\"{n}\"}}")).collect()
}

/// The same, to be sent.
pub fn texts(events: &[String]) -> Vec<&str> {
    events.iter().map(String::as_str).collect()
}
