//! What the engine remembers, in `.engine/state.db`: runs, nodes, tokens, verdicts, logs.

pub mod alerts;
pub mod audit;
mod built;
pub mod checks;
mod forget;
mod held_back;
mod jobs;
pub mod lists;
pub mod lock;
mod query;
mod recorder;
mod remember;
mod run_request;
mod schedule_store;
mod schedules;
mod schema;
pub mod sessions;
pub mod users;

pub use built::{Built, Inputs, Made};
pub use recorder::{Origin, Recorder};
pub use remember::{columns, kind, left, remember, removed};
pub use run_request::RunRequest;
pub use schedule_store::TargetRecords;

use crate::{
    error::{Error, Result},
    location::Place,
};
use engine_connect::hub::version::Version;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard},
};

/// The engine's records.
#[derive(Debug)]
pub struct History {
    connection: Mutex<Connection>,
    held_back: Mutex<held_back::HeldBack>,
}

/// A run, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// When it began, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// How long it took, in microseconds.
    pub took_us: Option<i64>,
}

/// A node of a run, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// `model.mart_average_check`.
    pub node: String,
    /// `succeeded`, `reused`, `failed`, `skipped`.
    pub status: String,
    /// Rows written.
    pub rows: Option<u64>,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// A few words, the verdict or the failure's message.
    pub note: Option<String>,
    /// What was compared (`count`, `read_back`, `target` or `both`), then the digest of source and target.
    pub verdict: Option<String>,
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The node that it is about.
    pub node: Option<String>,
    /// One sentence.
    pub message: String,
}

fn state(error: impl std::fmt::Display) -> Error {
    Error::State(error.to_string())
}

impl History {
    /// Opens the records below `.engine`, and makes them if they are not there.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| state(format!("`{}`: {error}", folder.display())))?;
        let path = folder.join("state.db");
        let wrong = |error: rusqlite::Error| state(format!("`{}`: {error}", path.display()));
        Self::with(Connection::open(&path).map_err(wrong)?)
            .map_err(|error| state(format!("`{}`: {error}", path.display())))
    }

    /// Records that are gone with the process.
    pub fn in_memory() -> Result<Self> {
        Self::with(Connection::open_in_memory().map_err(state)?).map_err(state)
    }

    fn with(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        schema::migrate(&connection)?;
        Ok(Self { connection: Mutex::new(connection), held_back: Mutex::default() })
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("no holder of this lock panics")
    }

    /// The token that a table had when it was last looked at.
    pub fn token(&self, place: &Place) -> Result<Option<Version>> {
        let sql = "select token from tokens where place = ?1";
        let text: Option<String> = self
            .db()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([place.to_string()], |row| row.get(0)).optional())
            .map_err(state)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Remembers a table's token.
    pub fn remember_token(&self, place: &Place, token: &Version) -> Result<()> {
        let text = serde_json::to_string(token).map_err(state)?;
        let sql = "insert or replace into tokens values (?1, ?2)";
        self.change(sql, params![place.to_string(), text]).map(drop)
    }

    /// The last runs, newest first.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        let db = self.db();
        let sql = "select id, started_us, state, took_us from runs order by started_us desc, id desc limit ?1";
        let mut statement = db.prepare(sql).map_err(state)?;
        let rows = statement.query_map([limit], |row| {
            Ok(RunRecord { id: row.get(0)?, started_us: row.get(1)?, state: row.get(2)?, took_us: row.get(3)? })
        });
        rows.map_err(state)?.collect::<Result<_, _>>().map_err(state)
    }

    /// The nodes of a run, in the order in which they ended.
    pub fn nodes(&self, run: &str) -> Result<Vec<NodeRecord>> {
        let db = self.db();
        let sql = "select node, status, rows, took_us, note, verdict from nodes where run = ?1 order by rowid";
        let mut statement = db.prepare(sql).map_err(state)?;
        let rows = statement.query_map([run], |row| {
            Ok(NodeRecord {
                node: row.get(0)?,
                status: row.get(1)?,
                rows: row.get(2)?,
                took_us: row.get(3)?,
                note: row.get(4)?,
                verdict: row.get(5)?,
            })
        });
        rows.map_err(state)?.collect::<Result<_, _>>().map_err(state)
    }

    /// The log of a run.
    pub fn log(&self, run: &str) -> Result<Vec<LogLine>> {
        let db = self.db();
        let sql = "select at_us, level, node, message from logs where run = ?1 order by rowid";
        let mut statement = db.prepare(sql).map_err(state)?;
        let rows = statement.query_map([run], |row| {
            Ok(LogLine { at_us: row.get(0)?, level: row.get(1)?, node: row.get(2)?, message: row.get(3)? })
        });
        rows.map_err(state)?.collect::<Result<_, _>>().map_err(state)
    }

    /// Marks runs that ended without saying so. Only called while no other run is at work.
    pub fn interrupt_dead_runs(&self) -> Result<usize> {
        let sql = "update runs set state = 'interrupted' where state = 'running'";
        self.db().execute(sql, []).map_err(state)
    }
}
