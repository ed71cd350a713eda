//! `type = "mysql"`: the tables of one database of a MySQL or MariaDB server.
//!
//! Rows come by the binary protocol, their bytes straight into columns, and go by prepared statements of many rows. All
//! tables of a reading share one transaction. Writes fill staging tables; whole tables change places in one `RENAME
//! TABLE`, and everything else changes in one transaction.

mod aggregate;
mod column_builder;
mod config;
mod decimal;
mod decode;
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
mod stage_writer;
mod standard_sql;
mod statement;
mod table;
mod types;

pub use config::{Config, MySql};
pub use table::Table;

use crate::{
    arrow::digest::Digest,
    hub::{
        connection::{Abilities, Connection, cores},
        error::Result,
        loss::Loss,
        position::{Position, Token},
        publication::{Publication, Publisher},
        source::{OpenTable, ReadRequest, Reading, TableRequest},
    },
};
use engine_language::{name::Name, table::TableDefinition};
use server::Server;
use sqlx::MySqlConnection;

/// Writers into one table at once; more wait for each other in the server.
const MOST_WRITERS: usize = 4;

/// One database.
#[derive(Clone, Debug)]
pub struct Database {
    server: Server,
    /// Connections that read at once.
    parallel: usize,
}

#[async_trait::async_trait]
impl Connection for Database {
    fn abilities(&self) -> Abilities {
        Abilities::DATABASE
    }

    async fn ping(&self) -> Result<String> {
        let product = self.server.product("connecting").await?;
        Ok(format!("{} at {}", product.words, self.server.at()))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        describe::tables(&self.server).await
    }

    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        let doing = format!("describing `{}`", table.table);
        self.server.product(&doing).await?;
        let look = async |on: &mut MySqlConnection| {
            let found = describe::relation(&self.server, on, table.table.as_str()).await;
            found.map_err(|error| self.server.fault(&doing, error))
        };
        Ok(self.server.briefly(&doing, look).await?.map(|relation| relation.definition))
    }

    async fn read(&self, request: ReadRequest) -> Result<Reading> {
        snapshot::open(self, request).await
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

    async fn token(&self, table: &TableRequest, last: Option<&Token>) -> Result<Option<Token>> {
        snapshot::token(self, table, last).await
    }

    fn kind(&self) -> &'static str {
        types::KIND
    }

    fn stamp(&self, _: &Reading, _: &OpenTable, digest: Option<Digest>) -> Option<Token> {
        digest.map(snapshot::stamp)
    }

    fn writers(&self) -> usize {
        cores(MOST_WRITERS)
    }

    fn losses(&self, table: &TableDefinition) -> Vec<Loss> {
        loss::of(table)
    }

    async fn write(&self, publication: Publication) -> Result<Box<dyn Publisher>> {
        Ok(Box::new(publish::Staged::begin(self.server.clone(), publication).await?))
    }

    async fn try_writing(&self, _: &[Name]) -> Result<()> {
        publish::try_writing(&self.server).await
    }

    async fn position(&self, pipeline: &Name) -> Result<Option<Position>> {
        publish::position(&self.server, pipeline).await
    }

    async fn tidied(&self) {
        self.server.background().done().await;
    }

    async fn recover(&self) -> Result<usize> {
        publish::recover(&self.server).await
    }
}
