//! `type = "postgres"`: tables in one schema of a PostgreSQL database.
//!
//! Rows come and go by binary COPY, over connections that do nothing else. All tables of a reading share one exported
//! snapshot. Writes fill staging tables, each committed by itself, and publish in one transaction.

mod aggregate;
mod coalesce;
mod column_builder;
mod config;
mod decode;
mod describe;
mod encode;
mod filter;
#[cfg(test)]
mod fuzz;
mod increment;
mod kept_constraints;
mod loss;
mod numeric;
mod partition_hash;
mod privilege_check;
mod publish;
mod read_lock;
mod scan;
mod scan_ranges;
mod server;
mod server_digest;
mod snapshot;
mod stage_writer;
mod standard_sql;
mod statement;
mod table;
mod table_swap;
mod types;
mod version;
mod write_counters;

pub use config::{Config, Postgres};
pub use decode::{DecodeError, Decoder, Shape};
pub use types::Wire;

use crate::{
    hub::{
        connection::{Connection, cores},
        error::{Blame, Result},
        loss::Loss,
        position::Position,
        publication::{Positions, Publication, PublishRequest, Sink, SinkFacts},
        source::{ReadRequest, Snapshot, Source, TableRequest},
        version::{Content, ContentFrom, RowDigests},
    },
    sql::single_flight::SingleFlight,
};
use engine_language::{name::Name, table::TableDefinition};
use server::Server;
use sqlx::{PgConnection, Row};
use statement::within;
use std::sync::Arc;
use write_counters::Moment;

/// Connections that write one table at once.
const MOST_WRITERS: usize = 4;

/// One schema of a database.
#[derive(Clone, Debug)]
pub struct Database {
    server: Server,
    /// The moment at which a run asks for versions, for all of its tables at the same time.
    moment: Arc<SingleFlight<Moment>>,
}

#[async_trait::async_trait]
impl Connection for Database {
    fn name(&self) -> &Name {
        self.server.connection_name()
    }

    fn kind(&self) -> &'static str {
        types::KIND
    }

    async fn ping(&self) -> Result<String> {
        let rows = self.server.rows("connecting", "select current_setting('server_version')", &[]).await?;
        let version: String = rows[0].get(0);
        Ok(format!("PostgreSQL {version} at {}, schema `{}`", self.server.at(), self.server.schema()))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        describe::tables(&self.server).await
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
        let doing = format!("describing `{}`", table.table);
        let look = async |on: &mut PgConnection| {
            let found = describe::relation(on, self.server.look(), table.table.as_str()).await;
            found.map_err(|error| self.server.fault(&doing, error))
        };
        Ok(self.server.briefly(&doing, look).await?.map(|relation| relation.definition))
    }

    async fn is_there(&self, table: &TableRequest) -> Result<bool> {
        let doing = format!("looking for `{}`", table.table);
        let found = self.server.rows(&doing, describe::RELATION, &[self.server.schema(), table.table.as_str()]).await?;
        Ok(!found.is_empty())
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        snapshot::open(&self.server, request).await
    }

    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
        version::of(self, table, last).await
    }

    fn content_after_append(&self, last: &Content, added: &RowDigests) -> Option<Content> {
        version::after_append(last, added.server?)
    }

    fn content_from(&self) -> ContentFrom {
        ContentFrom::Instant
    }
}

#[async_trait::async_trait]
impl Sink for Database {
    fn facts(&self) -> SinkFacts {
        let writers = cores(MOST_WRITERS);
        SinkFacts { writers, stages_ahead: true, content_is_digest: false, ..SinkFacts::DATABASE }
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        Ok(Box::new(publish::Staged::begin(self.server.clone(), request).await?))
    }

    async fn check_privileges(&self, replaced: &[Name]) -> Result<()> {
        privilege_check::check(&self.server, replaced).await
    }

    fn losses(&self, table: &TableDefinition) -> Vec<Loss> {
        loss::of(table)
    }

    fn positions(&self) -> Option<&dyn Positions> {
        Some(self)
    }

    async fn recover(&self) -> Result<usize> {
        publish::stage::recover(&self.server).await
    }
}

#[async_trait::async_trait]
impl Positions for Database {
    async fn position(&self, pipeline: &Name) -> Result<Option<Position>> {
        let doing = "reading a position";
        let table = within(self.server.schema(), "engine_positions");
        let there = self.server.rows(doing, "select to_regclass($1) is not null", &[&table]).await?;
        if !there[0].get::<bool, _>(0) {
            return Ok(None);
        }
        let sql = format!("select position from {table} where pipeline = $1");
        let rows = self.server.rows(doing, &sql, &[pipeline.as_str()]).await?;
        let text: Option<String> = rows.first().map(|row| row.get(0));
        let read = |text: String| serde_json::from_str(&text).map(Position);
        text.map(|text| read(text).map_err(|error| self.server.error(doing, Blame::Data, error))).transpose()
    }
}
