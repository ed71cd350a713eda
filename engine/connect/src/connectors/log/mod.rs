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
        connection::{Abilities, Connection},
        error::{Blame, Error, Result},
        position::{Position, Token},
        publication::{Publication, Publisher},
        rejected::RejectedRow,
        source::{OpenTable, ReadRequest, Reading, TableRequest},
        topics::{Lag, Offsets, Start},
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
pub struct Topics {
    name: Name,
    folder: Arc<PathBuf>,
}

impl Topics {
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
impl Connection for Topics {
    fn abilities(&self) -> Abilities {
        Abilities { write: true, replace: false, merge: false, stream: true, positions: false }
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

    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        if self.topic(&table.table)?.committed()?.is_none() {
            return Ok(None);
        }
        let declared = table.declared.as_ref().map(|facts| facts.columns.as_slice()).unwrap_or_default();
        let columns = declared.iter().map(|(name, kind)| Column::new(&name.value, kind.value.clone()));
        Ok(Some(TableDefinition { columns: columns.collect(), ..TableDefinition::default() }))
    }

    async fn read(&self, request: ReadRequest) -> Result<Reading> {
        let tables = request.tables.iter().map(|table| read::open(&self.topic(&table.table)?, table));
        Ok(Reading { tables: tables.collect::<Result<_>>()?, snapshot: None })
    }

    async fn token(&self, table: &TableRequest, _: Option<&Token>) -> Result<Option<Token>> {
        let committed = self.topic(&table.table)?.committed()?;
        Ok(committed.map(|c| Token { value: format!("{}:{:?}", c.id, c.ends()), hint: Value::Null }))
    }

    async fn write(&self, publication: Publication) -> Result<Box<dyn Publisher>> {
        Ok(Box::new(write::Append::begin(self, publication)?))
    }

    async fn position(&self, _: &Name) -> Result<Option<Position>> {
        Ok(None)
    }

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

    async fn again(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let topic = self.topic(&table.table)?;
        let decoder = read::decoder(&topic, table)?;
        let wrong = |why: String| topic.error("reading", Blame::Data, why);
        decoder.open_again(&rejected).map(Some).map_err(|undecoded| undecoded.explained(wrong))
    }

    async fn recover(&self) -> Result<usize> {
        let mut cut = 0;
        for name in self.tables().await? {
            cut += self.topic(&name)?.cut()?;
        }
        Ok(cut)
    }
}
