//! A project that streams a topic of its own into a schema, or a database, of its own.

use crate::builder::Test;
use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::RDKafkaErrorCode,
    producer::{BaseProducer, BaseRecord, Producer},
    topic_partition_list::{Offset, TopicPartitionList},
};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, Row};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// What the stream writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    Postgres,
    MySql,
}

/// A project, its topic `users`, and its table `users` with a key that the database makes and rules of its own.
pub struct Place {
    pub test: Test,
    pub sink: Sink,
    /// What the cluster calls the topic.
    pub topic: String,
    prefix: String,
    pub schema: String,
    runtime: tokio::runtime::Runtime,
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`"))
}

fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).create().unwrap()
}

/// The message of a user.
pub fn event(email: &str, n: u32) -> String {
    format!("{{\"email\":\"{email}\",\"n\":{n},\"status\":\"Gold\"}}")
}

impl Place {
    pub fn new(partitions: i32) -> Self {
        Self::into(Sink::Postgres, partitions)
    }

    pub fn into(sink: Sink, partitions: i32) -> Self {
        let place = Self::without_topic(sink);
        let new = NewTopic::new(&place.topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = place.runtime.block_on(admin().create_topics([&new], &options));
        made.unwrap().remove(0).unwrap();
        place
    }

    /// Has micro-batches be of so many messages at most.
    pub fn batches_of(&self, rows: u32) {
        let sources = self.test.read("project/sources.toml");
        self.test.write("project/sources.toml", &format!("{sources}\n[limits]\nbatch_rows = {rows}\n"));
    }

    fn without_topic(sink: Sink) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("s_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let prefix = format!("{name}.");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let test = Self::project_of(sink, &name);
        let place = Self { test, sink, topic: format!("{prefix}users"), prefix, schema: name, runtime };
        let rules = "n bigint check (n <> 13), status varchar(20) check (status in ('Gold', 'Silver'))";
        let (schema, columns) = match sink {
            Sink::Postgres => ("schema {}", "user_id serial primary key, email text not null unique"),
            Sink::MySql => (
                "database {} character set utf8mb4 collate utf8mb4_bin",
                "user_id int not null auto_increment primary key, email varchar(200) not null unique",
            ),
        };
        place.ask(&format!("create {schema}; select ''"));
        place.ask(&format!("create table {{}}.users ({columns}, {rules}); select ''"));
        place
    }

    /// Makes the topic have so many partitions.
    pub fn grow(&self, partitions: usize) {
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let more = NewPartitions::new(&self.topic, partitions);
        self.runtime.block_on(admin().create_partitions([&more], &options)).unwrap().remove(0).unwrap();
    }

    /// Where the topic's partitions end.
    pub fn ends(&self, partitions: i32) -> Vec<i64> {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer = config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).create().unwrap();
        let end = |partition| consumer.fetch_watermarks(&self.topic, partition, PATIENCE).map_or(0, |(_, end)| end);
        (0..partitions).map(end).collect()
    }

    /// What the cluster was told of how far a group is, by partition.
    pub fn told(&self, group: &str, partitions: i32) -> Vec<Option<i64>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, partitions - 1);
        let told = consumer.committed_offsets(list, PATIENCE).unwrap();
        told.elements().iter().map(|element| element.offset().to_raw().filter(|offset| *offset >= 0)).collect()
    }

    /// Tells the cluster that a group is there, in the first partition.
    pub fn tell(&self, group: &str, offset: i64) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).set("group.id", group);
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, 0, Offset::Offset(offset)).unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    /// The project in a folder of its own; several stream the same.
    pub fn project(name: &str) -> Test {
        Self::project_of(Sink::Postgres, name)
    }

    fn project_of(sink: Sink, name: &str) -> Test {
        let (out, url) = match sink {
            Sink::Postgres => ("type = \"postgres\"\nschema", "ENGINE_TEST_POSTGRES_URL"),
            Sink::MySql => ("type = \"mysql\"\ndatabase", "ENGINE_TEST_MYSQL_URL"),
        };
        let sources = "default_sink = \"out\"\n\
            [connections.out]\nurl = \"${URL}\"\nOUT = \"NAME\"\n\
            [sinks.out]\nconnection = \"out\"\n\
            [connections.events]\ntype = \"kafka\"\nbrokers = \"${ENGINE_TEST_KAFKA}\"\nprefix = \"NAME.\"\n\
            [sources.events]\nconnection = \"events\"\n\
            [sources.events.tables.users]\ncolumns = { email = \"text\", n = \"bigint\", status = \"text\" }\n\
            required = [\"email\"]\nbad_rows = \"dead_letter\"\n";
        let model = "{{ config(materialized = \"stream\", key = [\"email\"]) }}\n\
            select lower(trim(email)) as email, n, status from {{ source(\"events\", \"users\") }}";
        Test::new()
            .env("ENGINE_TEST_KAFKA", &variable("ENGINE_TEST_KAFKA"))
            .env(url, &variable(url))
            .file("project/sources.toml", &sources.replace("URL", url).replace("OUT", out).replace("NAME", name))
            .file("project/models/users.sql", model)
    }

    /// Sends messages, each keyed by what it is about.
    pub fn send<T: AsRef<[u8]>>(&self, payloads: &[T]) {
        let mut config = ClientConfig::new();
        // Without it, what is sent once more may come behind what was sent after it.
        config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).set("enable.idempotence", "true");
        let producer: BaseProducer = config.create().unwrap();
        for payload in payloads {
            let key = key(payload.as_ref());
            let mut record = BaseRecord::<str, [u8]>::to(&self.topic).payload(payload.as_ref()).key(&key);
            // A producer that is full takes more once the broker has answered.
            while let Err((error, refused)) = producer.send(record) {
                assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
                producer.poll(Duration::from_millis(100));
                record = refused;
            }
            producer.poll(Duration::ZERO);
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Deletes what stands before an offset of the first partition.
    pub fn forget(&self, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, 0, Offset::Offset(before)).unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        self.runtime.block_on(admin().delete_records(&list, &options)).unwrap();
    }

    /// How many messages a topic has.
    pub fn messages_count(&self, topic: &str) -> usize {
        self.raw(topic).len()
    }

    /// All messages of a topic, key and bytes.
    pub fn messages(&self, topic: &str) -> Vec<String> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        self.raw(topic).into_iter().map(|(key, payload)| format!("{} {}", text(key), text(payload))).collect()
    }

    fn raw(&self, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).set("group.id", "test");
        config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&format!("{}{topic}", self.prefix), 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut found = vec![];
        while let Some(Ok(message)) = consumer.poll(PATIENCE) {
            let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
            found.push((bytes(message.key()), bytes(message.payload())));
        }
        found
    }

    /// The one cell of a query; `{}` is the schema.
    pub fn ask(&self, sql: &str) -> String {
        self.cells(&sql.replace("{}", &self.schema)).join(", ")
    }

    /// Columns of the streamed table, ordered by e-mail.
    pub fn rows(&self, columns: &str) -> String {
        let parts: Vec<String> = columns.split(", ").map(|column| self.text(column)).collect();
        self.ask(&format!("select concat_ws(' ', {}) from {{}}.users order by email", parts.join(", ")))
    }

    /// Columns of the dead letters, ordered by their places.
    pub fn letters(&self, columns: &str) -> Vec<String> {
        let from = format!("{}.engine_dead_letters l", self.schema);
        let columns = self.text(columns);
        self.cells(&format!("select {columns} from {from} order by l.\"partition\", l.\"offset\""))
    }

    fn text(&self, expression: &str) -> String {
        match self.sink {
            Sink::Postgres => format!("({expression})::text"),
            Sink::MySql => format!("cast({expression} as char)"),
        }
    }

    fn cells(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            match self.sink {
                Sink::Postgres => {
                    let mut on = PgConnection::connect(&variable("ENGINE_TEST_POSTGRES_URL")).await.unwrap();
                    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut on).await;
                    rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
                }
                Sink::MySql => {
                    let mut on = MySqlConnection::connect(&variable("ENGINE_TEST_MYSQL_URL")).await.unwrap();
                    sqlx::raw_sql("set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'").execute(&mut on).await.unwrap();
                    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut on).await;
                    rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
                }
            }
        })
    }
}

/// What a message is about, so that events of one user keep their order.
fn key(payload: &[u8]) -> String {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    text.split('"').nth(3).unwrap_or_default().trim().to_lowercase()
}
