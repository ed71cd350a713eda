//! `type = "sqlite"`: tables in one SQLite file.
//!
//! Reads hold a transaction in WAL mode, so they see one instant and disturb nobody. Writes fill staging tables in the
//! same file, in short transactions, and publish in one.

mod config;
mod describe;
mod file;
mod memory;
mod publish;
mod snapshot;
mod stage_writer;
mod statement;
mod types;
mod version;

pub use config::{Config, Sqlite};
pub use memory::Memory;

use crate::hub::{
    connection::{Connection, Connector as _},
    error::{Blame, Result},
    position::Position,
    publication::{Positions, Publication, PublishRequest, Sink, SinkFacts},
    source::{ReadRequest, Snapshot, Source, TableRequest},
    version::{Content, RowDigests},
};
use engine_language::{name::Name, table::TableDefinition};
use file::File;
use rusqlite::OptionalExtension;

/// One SQLite file.
#[derive(Clone, Debug)]
pub struct Database {
    file: File,
    /// What removes the file at the end, if it is not to stay.
    vanishing: Option<std::sync::Arc<memory::Vanishing>>,
}

#[async_trait::async_trait]
impl Connection for Database {
    fn name(&self) -> &Name {
        self.file.connection_name()
    }

    fn kind(&self) -> &'static str {
        if self.vanishing.is_some() { Memory::KIND } else { Sqlite::KIND }
    }

    async fn ping(&self) -> Result<String> {
        let above = self.file.path().ancestors().skip(1).find(|folder| folder.exists());
        if !self.file.exists() && above.is_some_and(std::path::Path::is_dir) {
            let path = self.file.path().display();
            return Ok(format!("SQLite {}, {path} is made by the first run", rusqlite::version()));
        }
        let file = self.file.clone();
        let version = self
            .file
            .blocking("connecting", move || {
                file.open_read()?.query_row("select sqlite_version()", [], |r| r.get::<_, String>(0))
            })
            .await?;
        Ok(format!("SQLite {version} at {}", self.file.path().display()))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        if !self.file.exists() {
            return Ok(vec![]);
        }
        let file = self.file.clone();
        self.file.blocking("listing tables", move || describe::tables(&file.open_read()?)).await
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Source for Database {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        if !self.file.exists() {
            return Ok(None);
        }
        let (file, name) = (self.file.clone(), table.table.clone());
        self.file
            .blocking(&format!("describing `{name}`"), move || describe::table(&file.open_read()?, name.as_str()))
            .await
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        snapshot::open(&self.file, request).await
    }

    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
        version::of(self, table, last).await
    }

    fn content_after_append(&self, last: &Content, added: &RowDigests) -> Option<Content> {
        last.plus(added.rows?)
    }
}

#[async_trait::async_trait]
impl Sink for Database {
    fn facts(&self) -> SinkFacts {
        SinkFacts::DATABASE
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        Ok(Box::new(publish::Staged::begin(self.file.clone(), request).await?))
    }

    fn positions(&self) -> Option<&dyn Positions> {
        Some(self)
    }

    async fn recover(&self) -> Result<usize> {
        if !self.file.exists() {
            return Ok(0);
        }
        let _turn = self.file.turn().await;
        let file = self.file.clone();
        self.file
            .blocking("removing leftovers", move || {
                let connection = file.open_write()?;
                let left = describe::staging(&connection)?;
                for table in &left {
                    connection.execute_batch(&format!("drop table {}", statement::quote(table)))?;
                }
                Ok::<_, file::SqliteError>(left.len())
            })
            .await
    }
}

#[async_trait::async_trait]
impl Positions for Database {
    async fn position(&self, pipeline: &Name) -> Result<Option<Position>> {
        if !self.file.exists() {
            return Ok(None);
        }
        let (file, pipeline) = (self.file.clone(), pipeline.clone());
        let text: Option<String> = self
            .file
            .blocking("reading a position", move || {
                let connection = file.open_read()?;
                if !describe::exists(&connection, "engine_positions")? {
                    return Ok(None);
                }
                let sql = "select position from engine_positions where pipeline = ?1";
                connection.query_row(sql, [pipeline.as_str()], |row| row.get(0)).optional()
            })
            .await?;
        text.map(|text| {
            serde_json::from_str(&text)
                .map(Position)
                .map_err(|error| self.file.error("reading a position", Blame::Data, error))
        })
        .transpose()
    }
}
