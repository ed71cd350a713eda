//! `type = "kafka"`: topics of a Kafka cluster.
//!
//! Partitions are assigned by hand and their offsets are the target's, committed with the rows: no consumer group moves
//! anything. Each topic that is followed is polled on a thread of its own. Writes are transactions.

mod client;
mod config;
mod consumer_group;
mod dead_letters;
mod decoding;
mod lag;
mod poller;
mod poller_cache;
mod read;
mod read_error;
mod read_offsets;
mod scan;
mod schema_registry;
mod start_offsets;
mod topic;
mod write;

pub use config::{Config, Kafka};

use crate::{
    format::{avro::decoder::Schemas, decoder},
    hub::{
        connection::{Connection, Connector as _},
        error::Result,
        position::Position,
        publication::{Publication, PublishRequest, Sink, SinkFacts},
        rejected::RejectedRow,
        source::{OpenTable, ReadRequest, Snapshot, Source, TableRequest},
        topics::{Lag, Offsets, Start, Topics},
        version::Content,
    },
};
use client::{Client, PATIENCE};
use engine_language::{
    config::source::SourceTable,
    name::Name,
    table::{Column, TableDefinition},
};
use rdkafka::{consumer::Consumer as _, error::KafkaResult};
use read_offsets::ReadOffsets;
use schema_registry::Registry;
use serde_json::Value;
use std::sync::Arc;
use topic::Topic;

/// A cluster.
#[derive(Clone, Debug)]
pub struct Brokers {
    client: Client,
    prefix: String,
    /// By what the cluster knows this project as a writer.
    writer: String,
    pollers: Arc<poller_cache::Pollers>,
    groups: Arc<consumer_group::Groups>,
    registry: Option<Registry>,
}

impl Brokers {
    fn new(client: Client, prefix: String, writer: String) -> Self {
        Self { client, prefix, writer, pollers: Arc::default(), groups: Arc::default(), registry: None }
    }

    fn schemas(&self) -> Option<Arc<dyn Schemas>> {
        self.registry.clone().map(|registry| Arc::new(registry) as Arc<dyn Schemas>)
    }

    fn topic(&self, table: &Name) -> Topic {
        Topic { client: self.client.clone(), name: table.clone(), topic: format!("{}{table}", self.prefix) }
    }
}

#[async_trait::async_trait]
impl Connection for Brokers {
    fn name(&self) -> &Name {
        self.client.connection_name()
    }

    fn kind(&self) -> &'static str {
        Kafka::KIND
    }

    fn refuses(&self, table: &SourceTable) -> Option<(String, &'static str)> {
        decoder::refuses(table, self.registry.is_some())
    }

    async fn ping(&self) -> Result<String> {
        let count = |consumer: &client::Consumer| -> KafkaResult<usize> {
            Ok(consumer.fetch_metadata(None, PATIENCE)?.brokers().len())
        };
        let brokers = self.client.ask("connecting", count).await?;
        let word = if brokers == 1 { "broker" } else { "brokers" };
        let found = format!("Kafka with {brokers} {word} at {}", self.client.at());
        let Some(registry) = self.registry.clone() else { return Ok(found) };
        let at = tokio::task::spawn_blocking(move || registry.ping()).await.expect("asking does not panic")?;
        Ok(format!("{found}, schemas at {at}"))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        let prefix = self.prefix.clone();
        let list = move |consumer: &client::Consumer| {
            let metadata = consumer.fetch_metadata(None, PATIENCE)?;
            let topics = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
            let ours = topics.filter(|name| !name.starts_with("__")).filter_map(|name| name.strip_prefix(&prefix));
            let mut names: Vec<Name> = ours.map(Name::new).collect();
            names.sort();
            Ok(names)
        };
        self.client.ask("listing topics", list).await
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }

    fn topics(&self) -> Option<&dyn Topics> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Source for Brokers {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        if self.topic(&table.table).partitions().await?.is_none() {
            return Ok(None);
        }
        let declared = table.declared.as_ref().map(|facts| facts.columns.as_slice()).unwrap_or_default();
        let columns = declared.iter().map(|(name, kind)| Column::new(&name.value, kind.value.clone()));
        Ok(Some(TableDefinition { columns: columns.collect(), ..TableDefinition::default() }))
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        let mut tables = vec![];
        for table in &request.tables {
            tables.push(read::open(&self.topic(&table.table), table, (&self.pollers, self.schemas())).await?);
        }
        Ok(Snapshot { tables })
    }

    async fn open_missing(&self, table: &TableRequest) -> Result<OpenTable> {
        let (topic, table, schemas) = (self.topic(&table.table), table.clone(), self.schemas());
        // Schemas may have to be waited for.
        let open = move || read::open_missing(&topic, &table, schemas);
        tokio::task::spawn_blocking(open).await.expect("opening does not panic")
    }

    async fn content(&self, table: &TableRequest, _: Option<&Content>) -> Result<Option<Content>> {
        let Some(extents) = self.topic(&table.table).extents().await? else { return Ok(None) };
        // A topic that was made anew and filled as far would look the same.
        let last = lag::last_marks(&self.topic(&table.table), &extents).await?;
        Ok(Some(Content { value: format!("{extents:?} {last:?}"), hint: Value::Null, reads: None }))
    }
}

#[async_trait::async_trait]
impl Sink for Brokers {
    fn facts(&self) -> SinkFacts {
        SinkFacts::default()
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        Ok(Box::new(write::Append::begin(self, request).await?))
    }

    /// A writer that died left a transaction open; the next one of its name ends it.
    async fn recover(&self) -> Result<usize> {
        Ok(0)
    }
}

#[async_trait::async_trait]
impl Topics for Brokers {
    async fn lag(&self, table: &TableRequest) -> Result<Option<Lag>> {
        lag::lag(&self.topic(&table.table), table.since.as_ref()).await
    }

    async fn start(&self, table: &TableRequest, at: Start) -> Result<Option<Position>> {
        lag::start(&self.topic(&table.table), at).await
    }

    async fn passed(&self, table: &TableRequest, next: &Offsets) -> Result<Option<Position>> {
        lag::passed(&self.topic(&table.table), table.since.as_ref(), next).await
    }

    async fn message(&self, table: &TableRequest, at: (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
        dead_letters::message(&self.topic(&table.table), at, reason).await
    }

    async fn decode(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let topic = self.topic(&table.table);
        let decoder = decoding::decoder(&topic, table, self.schemas())?;
        // Schemas may have to be waited for.
        let work = move || decoder.open_again(&rejected).map_err(|why| decoding::undecoded(&topic, why));
        tokio::task::spawn_blocking(work).await.expect("decoding does not panic").map(Some)
    }

    async fn fetch(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let topic = self.topic(&table.table);
        let decoder = decoding::decoder(&topic, table, self.schemas())?;
        let (messages, gone) = dead_letters::find(&topic, rejected).await?;
        for row in gone {
            decoder.rejected().push(RejectedRow { reason: dead_letters::GONE.into(), ..row });
        }
        let work = move || decoder.open_whole(messages).map_err(|why| decoding::undecoded(&topic, why));
        tokio::task::spawn_blocking(work).await.expect("decoding does not panic").map(Some)
    }

    async fn report(&self, pipeline: &Name, at: &Position) -> Result<()> {
        let Some(read_offsets) = ReadOffsets::read(at) else { return Ok(()) };
        self.groups.tell(&self.client, pipeline.as_str(), read_offsets).await
    }
}
