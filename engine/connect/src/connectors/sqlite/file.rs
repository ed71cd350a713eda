//! One SQLite file: opening it, taking turns at writing, and what its errors mean.

use crate::hub::error::{Blame, Error, Result};
use engine_language::name::Name;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::sync::OwnedMutexGuard;

/// The turns of all files of this process: SQLite has one writer a file, and waiting here is fair and does not time out.
static TURNS: OnceLock<Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>> = OnceLock::new();

/// A file, by its connection's name.
#[derive(Clone, Debug)]
pub struct File {
    name: Name,
    path: Arc<Path>,
    timeout: Duration,
    turns: Arc<tokio::sync::Mutex<()>>,
}

/// An error of SQLite, or of our own reading of its rows.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// SQLite's.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A value that cannot be carried, or a row that breaks a rule.
    #[error("{0}")]
    Data(String),
    /// A table that is not there.
    #[error("{0}")]
    Absent(String),
    /// Somebody else moved the position.
    #[error("{0}")]
    Rival(String),
    /// The operating system's.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Arrow's.
    #[error(transparent)]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
}

impl File {
    pub fn new(name: Name, path: PathBuf, timeout: Duration) -> Self {
        let turns = TURNS.get_or_init(Mutex::default);
        let turns = turns.lock().expect("no holder of this lock panics").entry(path.clone()).or_default().clone();
        Self { name, path: path.into(), timeout, turns }
    }

    /// The connection's name.
    pub fn connection_name(&self) -> &Name {
        &self.name
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Waits for this process's turn at writing the file.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turns.clone().lock_owned().await
    }

    /// Opens for reading; the file must be there.
    pub fn open_read(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.timeout)?;
        Ok(connection)
    }

    /// Opens for writing; makes the file and its folder.
    pub fn open_write(&self) -> Result<Connection, SqliteError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(self.timeout)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        // Foreign keys are checked once, over all published tables, before the commit.
        connection.pragma_update(None, "foreign_keys", "off")?;
        // A renamed table keeps the views and references that name it.
        connection.pragma_update(None, "legacy_alter_table", "on")?;
        Ok(connection)
    }

    /// Runs blocking work where it may block.
    pub async fn blocking<T, E>(&self, doing: &str, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        E: Into<SqliteError> + Send + 'static,
    {
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(trouble)) => Err(self.trouble(doing, trouble.into())),
            // A panic is a mistake in engine: it is told as one, and blamed on no system.
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(self.error(doing, Blame::System, cancelled)),
            },
        }
    }

    /// An error of this connection.
    pub fn error(
        &self,
        doing: &str,
        blame: Blame,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::new(&self.name, doing, blame, source)
    }

    /// What a trouble means, and what to do.
    pub fn trouble(&self, doing: &str, trouble: SqliteError) -> Error {
        let path = self.path.display();
        let code = match &trouble {
            SqliteError::Sqlite(error) => error.sqlite_error_code(),
            SqliteError::Data(_) => return self.error(doing, Blame::Data, trouble),
            SqliteError::Absent(_) => {
                return self.error(doing, Blame::User, trouble).absent("run what makes it first, or check its name");
            }
            SqliteError::Rival(_) => return self.error(doing, Blame::Rival, trouble),
            SqliteError::Io(error) => {
                let hint = format!("`{path}` must be in a folder that can be written");
                return self.error(doing, Blame::User, error.to_string()).hint(hint);
            }
            SqliteError::Arrow(_) => None,
        };
        match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => self
                .error(doing, Blame::System, format!("another process has `{path}` locked"))
                .hint("end the other process, or give `busy_timeout_s` a larger value")
                .later(),
            Some(ErrorCode::DiskFull) => {
                self.error(doing, Blame::System, trouble).hint("free some room on the disk and run again")
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => self
                .error(doing, Blame::User, trouble)
                .hint(format!("`{path}` and its folder must exist and be writable")),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => self
                .error(doing, Blame::User, format!("`{path}` is not an SQLite database, or is damaged"))
                .hint("check `path`, or move the file away"),
            Some(ErrorCode::ConstraintViolation) => self.error(doing, Blame::Data, trouble),
            _ => self.error(doing, Blame::System, trouble),
        }
    }
}
