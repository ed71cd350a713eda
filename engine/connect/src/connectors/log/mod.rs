//! `type = "log"`: topics as files, for running without a broker.
//!
//! A topic is a folder with a folder for each partition, which holds segments of ndjson named by the first offset in them. Each
//! line is a message: `{"offset":0,"timestamp":…,"key":…,"value":"…"}`, its value as text, or as base64 in `bytes` if it is
//! not UTF-8. What is visible is said by `commit.json`, which is replaced in one step: what stands behind the ends that
//! it names was never published, and the next writer cuts it off.

mod config;
mod read;
mod topic;
mod write;

pub use config::{Config, Log};

use crate::{
    format::decoder,
    hub::{
        connection::{Connection, Connector as _},
        error::{Blame, Error, Result},
        position::Position,
        publication::{Publication, PublishRequest, Sink, SinkFacts},
        rejected::RejectedRow,
        source::{OpenTable, ReadRequest, Snapshot, Source, TableRequest},
        topics::{Lag, Offsets, Start, Topics},
        version::Content,
    },
};
use engine_language::{
    config::source::SourceTable,
    name::Name,
    table::{Column, TableDefinition},
};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};
use topic::Topic;

/// A folder of topics.
#[derive(Clone, Debug)]
pub struct TopicFolder {
    name: Name,
    folder: Arc<PathBuf>,
}

impl TopicFolder {
    fn topic(&self, table: &Name) -> Result<Topic> {
        let plain = !table.as_str().contains(['/', '\\', '\0']) && !matches!(table.as_str(), "." | "..");
        if !plain {
            return Err(Error::new(
                &self.name,
                format!("opening `{table}`"),
                Blame::User,
                "a topic's name is a folder's name",
            ));
        }
        Ok(Topic::new(self.name.clone(), self.folder.join(table.as_str()), table.clone()))
    }

    fn error(&self, doing: &str, error: &std::io::Error) -> Error {
        Error::new(&self.name, doing, Blame::User, error.to_string())
            .hint(format!("`{}` must be a folder that can be read and written", self.folder.display()))
    }
}

#[async_trait::async_trait]
impl Connection for TopicFolder {
    fn name(&self) -> &Name {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Log::KIND
    }

    fn refuses(&self, table: &SourceTable) -> Option<(String, &'static str)> {
        decoder::refuses(table, false)
    }

    async fn ping(&self) -> Result<String> {
        let count = self.tables().await?.len();
        let topics = if count == 1 { "topic" } else { "topics" };
        Ok(format!("{count} {topics} in {}", self.folder.display()))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        let entries = match std::fs::read_dir(&*self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(self.error("listing topics", &error)),
        };
        let mut names = vec![];
        for entry in entries {
            let entry = entry.map_err(|error| self.error("listing topics", &error))?;
            if entry.path().join(topic::COMMIT).exists() {
                names.push(Name::new(entry.file_name().to_string_lossy()));
            }
        }
        names.sort();
        Ok(names)
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
impl Source for TopicFolder {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        if self.topic(&table.table)?.committed()?.is_none() {
            return Ok(None);
        }
        let declared = table.declared.as_ref().map(|facts| facts.columns.as_slice()).unwrap_or_default();
        let columns = declared.iter().map(|(name, kind)| Column::new(&name.value, kind.value.clone()));
        Ok(Some(TableDefinition { columns: columns.collect(), ..TableDefinition::default() }))
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        let tables = request.tables.iter().map(|table| read::open(&self.topic(&table.table)?, table));
        Ok(Snapshot { tables: tables.collect::<Result<_>>()? })
    }

    async fn open_missing(&self, table: &TableRequest) -> Result<OpenTable> {
        read::open_missing(&self.topic(&table.table)?, table)
    }

    async fn content(&self, table: &TableRequest, _: Option<&Content>) -> Result<Option<Content>> {
        let committed = self.topic(&table.table)?.committed()?;
        Ok(committed.map(|c| Content { value: format!("{}:{:?}", c.id, c.ends()), hint: Value::Null, reads: None }))
    }
}

#[async_trait::async_trait]
impl Sink for TopicFolder {
    fn facts(&self) -> SinkFacts {
        SinkFacts::default()
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        Ok(Box::new(write::Append::begin(self, request)?))
    }

    async fn recover(&self) -> Result<usize> {
        let mut cut = 0;
        for name in self.tables().await? {
            cut += self.topic(&name)?.cut()?;
        }
        Ok(cut)
    }
}

#[async_trait::async_trait]
impl Topics for TopicFolder {
    async fn lag(&self, table: &TableRequest) -> Result<Option<Lag>> {
        read::lag(&self.topic(&table.table)?, table.since.as_ref())
    }

    async fn start(&self, table: &TableRequest, at: Start) -> Result<Option<Position>> {
        read::start(&self.topic(&table.table)?, at)
    }

    async fn passed(&self, table: &TableRequest, next: &Offsets) -> Result<Option<Position>> {
        read::passed(&self.topic(&table.table)?, table.since.as_ref(), next)
    }

    async fn message(&self, table: &TableRequest, at: (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
        read::message(&self.topic(&table.table)?, at, reason)
    }

    async fn decode(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let topic = self.topic(&table.table)?;
        let decoder = read::decoder(&topic, table)?;
        let wrong = |why: String| topic.error("reading", Blame::Data, why);
        decoder.open_again(&rejected).map(Some).map_err(|undecoded| undecoded.explained(wrong))
    }
}
