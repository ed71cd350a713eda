//! `type = "memory"`: a database that is gone when the program ends, for tests and for trying things out.
//!
//! It is an SQLite file in the temporary folder, made when something is first written, so that it can do all that a
//! database can and holds more than memory does.

use super::{Database, file::File};
use crate::hub::{
    connection::{Connection, Connector, Declaration},
    error::Result,
};
use engine_language::diagnostic::Diagnostic;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The connector of databases that do not stay.
#[derive(Debug)]
pub struct Memory;

/// `[connections.NAME]` with `type = "memory"`; it has no other keys.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// How many were made by this process.
static MADE: AtomicU64 = AtomicU64::new(0);

impl Connector for Memory {
    const KIND: &'static str = "memory";
    type Config = Config;

    fn connect(place: &Declaration<'_>, _: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("engine-memory-{}-{number}", std::process::id()));
        let file = File::new(place.name.clone(), folder.join("memory.db"), Duration::from_secs(10));
        Ok(Arc::new(Database { file, vanishing: Some(Arc::new(Vanishing(folder))) }))
    }
}

/// A folder that goes when nobody holds this any more.
#[derive(Debug)]
pub struct Vanishing(PathBuf);

impl Drop for Vanishing {
    fn drop(&mut self) {
        // What cannot be removed is the temporary folder's to lose.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
