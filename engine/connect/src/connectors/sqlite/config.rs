//! What the user writes of an SQLite file.

use super::{Database, file::File, types};
use crate::hub::{
    connection::{Connection, Connector, Declaration},
    error::Result,
    type_map::TypeMap,
};
use engine_language::diagnostic::Diagnostic;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// The connector of SQLite files.
#[derive(Debug)]
pub struct Sqlite;

/// `[connections.NAME]` with `type = "sqlite"`.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file, from the project's root; it and its folder are made when something is written.
    pub path: PathBuf,
    /// How many seconds to wait for another process that has the file locked; 10 if not given.
    pub busy_timeout_s: Option<u64>,
}

impl Connector for Sqlite {
    const KIND: &'static str = "sqlite";
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        let timeout = Duration::from_secs(config.busy_timeout_s.unwrap_or(10));
        Ok(Arc::new(Database {
            file: File::new(place.name.clone(), place.path(config.path), timeout),
            vanishing: None,
        }))
    }

    fn types() -> TypeMap {
        types::map()
    }
}
