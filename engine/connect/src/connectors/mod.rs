//! The connectors of this build, a folder each.

pub mod files;
pub mod generator;
pub mod kafka;
pub mod log;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

use crate::hub::registry::Registry;

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
