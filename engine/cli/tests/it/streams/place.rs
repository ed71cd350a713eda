//! A project that streams a topic of its own into a schema of its own.

use crate::builder::Test;
use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
    topic_partition_list::{Offset, TopicPartitionList},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A project, its topic `users`, and its table `users` with a key that PostgreSQL makes and rules of its own.
pub struct Place {
    pub test: Test,
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
        let place = Self::without_topic();
        let new = NewTopic::new(&place.topic, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = place.runtime.block_on(admin().create_topics([&new], &options));
        made.unwrap().remove(0).unwrap();
        place
    }

    fn without_topic() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("s_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let prefix = format!("{name}.");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let test = Self::project(&name);
        let place = Self { test, topic: format!("{prefix}users"), prefix, schema: name, runtime };
        place.ask("create schema {}; select ''");
        place.ask(
            "create table {}.users (user_id serial primary key, email text not null unique, n bigint check (n <> 13), \
             status text check (status in ('Gold', 'Silver'))); select ''",
        );
        place
    }

    /// The project in a folder of its own; several stream the same.
    pub fn project(name: &str) -> Test {
        let sources = "default_sink = \"out\"\n\
            [connections.out]\ntype = \"postgres\"\nurl = \"${ENGINE_TEST_POSTGRES_URL}\"\nschema = \"NAME\"\n\
            [sinks.out]\nconnection = \"out\"\n\
            [connections.events]\ntype = \"kafka\"\nbrokers = \"${ENGINE_TEST_KAFKA}\"\nprefix = \"NAME.\"\n\
            [sources.events]\nconnection = \"events\"\n\
            [sources.events.tables.users]\ncolumns = { email = \"text\", n = \"bigint\", status = \"text\" }\n\
            required = [\"email\"]\nbad_rows = \"dead_letter\"\n";
        let model = "{{ config(materialized = \"stream\", key = [\"email\"]) }}\n\
            select lower(trim(email)) as email, n, status from {{ source(\"events\", \"users\") }}";
        Test::new()
            .env("ENGINE_TEST_KAFKA", &variable("ENGINE_TEST_KAFKA"))
            .env("ENGINE_TEST_POSTGRES_URL", &variable("ENGINE_TEST_POSTGRES_URL"))
            .file("project/sources.toml", &sources.replace("NAME", name))
            .file("project/models/users.sql", model)
    }

    /// Sends messages, each keyed by what it is about.
    pub fn send<T: AsRef<[u8]>>(&self, payloads: &[T]) {
        let mut config = ClientConfig::new();
        let producer: BaseProducer = config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).create().unwrap();
        for payload in payloads {
            let key = key(payload.as_ref());
            let record = BaseRecord::<str, [u8]>::to(&self.topic).payload(payload.as_ref()).key(&key);
            producer.send(record).map_err(|(error, _)| error).unwrap();
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

    /// All messages of a topic, key and bytes.
    pub fn messages(&self, topic: &str) -> Vec<String> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", variable("ENGINE_TEST_KAFKA")).set("group.id", "test");
        config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&format!("{}{topic}", self.prefix), 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut found = vec![];
        while let Some(Ok(message)) = consumer.poll(PATIENCE) {
            let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
            found.push(format!("{} {}", text(message.key()), text(message.payload())));
        }
        found
    }

    /// The one cell of a query; `{}` is the schema.
    pub fn ask(&self, sql: &str) -> String {
        self.cells(&sql.replace("{}", &self.schema)).join(", ")
    }

    /// Columns of the streamed table, ordered by e-mail.
    pub fn rows(&self, columns: &str) -> String {
        let parts: Vec<String> = columns.split(", ").map(|column| format!("({column})::text")).collect();
        self.ask(&format!("select concat_ws(' ', {}) from {{}}.users order by email", parts.join(", ")))
    }

    /// Columns of the dead letters, ordered by their places.
    pub fn letters(&self, columns: &str) -> Vec<String> {
        let from = format!("{}.engine_dead_letters l", self.schema);
        let sql = format!("select ({columns})::text from {from} order by l.partition, l.\"offset\"");
        self.cells(&sql)
    }

    fn cells(&self, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&variable("ENGINE_TEST_POSTGRES_URL")).await.unwrap();
            let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
            rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.get(0)).collect()
        })
    }
}

/// What a message is about, so that events of one user keep their order.
fn key(payload: &[u8]) -> String {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    text.split('"').nth(3).unwrap_or_default().trim().to_lowercase()
}
