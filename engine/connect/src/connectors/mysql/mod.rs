//! `type = "mysql"`: the tables of one database of a MySQL or MariaDB server.
//!
//! Rows come by the binary protocol, their bytes straight into columns, and go by prepared statements of many rows. All
//! tables of a reading share one transaction. Writes fill staging tables; whole tables change places in one `RENAME
//! TABLE`, and everything else changes in one transaction.

mod aggregate;
mod binlog;
mod column_builder;
mod config;
mod decimal;
mod decode;
mod default_value;
mod describe;
mod encode;
mod filter;
#[cfg(test)]
mod fuzz;
mod increment;
mod loss;
mod publish;
mod scan;
mod server;
mod server_error;
mod snapshot;
mod snapshot_pool;
mod spill_sender;
mod standard_sql;
mod statement;
mod table;
mod types;
mod version;

pub use config::{Config, MySql};

use crate::{
    hub::{
        connection::{Connection, cores},
        error::Result,
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
use sqlx::MySqlConnection;
use std::sync::Arc;

/// Writers into one table at once; more wait for each other in the server.
const MOST_WRITERS: usize = 4;

/// One database.
#[derive(Clone, Debug)]
pub struct Database {
    server: Server,
    /// Connections that read at once.
    parallel: usize,
    /// The position of the server's log at which a run asks for versions, for all of its tables at the same time.
    position: Arc<SingleFlight<Option<String>>>,
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
        let product = self.server.product("connecting").await?;
        Ok(format!("{} at {}", product.words, self.server.at()))
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
        self.server.product(&doing).await?;
        let look = async |on: &mut MySqlConnection| {
            let found = describe::relation(&self.server, on, table.table.as_str()).await;
            found.map_err(|error| self.server.fault(&doing, error))
        };
        Ok(self.server.briefly(&doing, look).await?.map(|relation| relation.definition))
    }

    async fn is_there(&self, table: &TableRequest) -> Result<bool> {
        let doing = format!("looking for `{}`", table.table);
        self.server.product(&doing).await?;
        let look = async |on: &mut MySqlConnection| {
            let found = describe::is_there(&self.server, on, table.table.as_str()).await;
            found.map_err(|error| self.server.fault(&doing, error))
        };
        self.server.briefly(&doing, look).await
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        snapshot::open(self, request).await
    }

    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
        version::of(self, table, last).await
    }

    fn content_after_append(&self, last: &Content, added: &RowDigests) -> Option<Content> {
        last.plus(added.rows?)
    }

    fn content_from(&self) -> ContentFrom {
        ContentFrom::Rows
    }
}

#[async_trait::async_trait]
impl Sink for Database {
    fn facts(&self) -> SinkFacts {
        SinkFacts { writers: cores(MOST_WRITERS), ..SinkFacts::DATABASE }
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        Ok(Box::new(publish::Staged::begin(self.server.clone(), request).await?))
    }

    async fn check_privileges(&self, _: &[Name]) -> Result<()> {
        publish::check_privileges(&self.server).await
    }

    fn losses(&self, table: &TableDefinition) -> Vec<Loss> {
        loss::of(table)
    }

    fn positions(&self) -> Option<&dyn Positions> {
        Some(self)
    }

    async fn finish_background(&self) {
        self.server.background().done().await;
    }

    async fn recover(&self) -> Result<usize> {
        publish::recover(&self.server).await
    }
}

#[async_trait::async_trait]
impl Positions for Database {
    async fn position(&self, pipeline: &Name) -> Result<Option<Position>> {
        publish::position(&self.server, pipeline).await
    }
}
