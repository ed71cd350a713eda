//! The connectors of this build, a folder each.

pub mod files;
pub mod generator;
pub mod kafka;
pub mod log;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

use crate::{hub::registry::Registry, sql::aggregate::ServerAggregates};
use datafusion::catalog::TableProvider;

impl Registry {
    /// All connectors of this build.
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        registry.add::<files::Files>();
        registry.add::<kafka::Kafka>();
        registry.add::<log::Log>();
        registry.add::<sqlite::Memory>();
        registry.add::<mysql::MySql>();
        registry.add::<postgres::Postgres>();
        registry.add::<sqlite::Sqlite>();
        registry
    }
}

/// The table as one that aggregates its rows itself, if its connector knows how.
pub fn aggregates(table: &dyn TableProvider) -> Option<&dyn ServerAggregates> {
    let mysql = table.downcast_ref::<mysql::Table>().map(|table| table as &dyn ServerAggregates);
    mysql.or_else(|| table.downcast_ref::<postgres::Table>().map(|table| table as &dyn ServerAggregates))
}
