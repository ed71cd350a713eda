//! Why a command ended early, and the exit code that this means.

use engine_language::diagnostic::Diagnostic;
use std::{io, process::ExitCode};

/// How a command that ran to its end ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: the project has problems, or a node failed; both have been said.
    Failed,
    /// 130: the user stopped it.
    Interrupted,
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(match exit {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Interrupted => 130,
        })
    }
}

/// Why a command could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The project has problems, and they have been drawn.
    #[error("the project has problems")]
    Problems,
    /// The command was used wrongly.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// A system did not cooperate.
    #[error(transparent)]
    Connect(#[from] engine_connect::hub::error::Error),
    /// A run could not begin or go on.
    #[error(transparent)]
    Run(engine_run::error::Error),
    /// Whoever read the output went away.
    #[error("the reader of the output went away")]
    ReaderGone,
    /// The machine did not cooperate.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the machine said.
        source: io::Error,
    },
    /// A query for `show` could not be answered.
    #[error(transparent)]
    Query(datafusion::error::DataFusionError),
}

impl CliError {
    /// Wrong use, and what to type instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// What was typed selects nothing, or cannot be read.
    pub fn typed(diagnostic: Diagnostic) -> Self {
        Self::Usage { message: diagnostic.message, hint: diagnostic.hints.into_iter().next() }
    }

    /// For `map_err`: says what was being done.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { doing: doing.into(), source }
    }
}

/// What to do about what the machine said.
pub fn advice(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some room on the disk and run again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "allow it to be written, or copy the project to where it may be"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "something else stands there: move it away",
        io::ErrorKind::NotFound => "it is not there, or a folder above it is not",
        _ => return None,
    })
}

/// A system's error is said in one way, wherever it came from.
impl From<engine_run::error::Error> for CliError {
    fn from(error: engine_run::error::Error) -> Self {
        match error {
            engine_run::error::Error::Connect(error) => Self::Connect(error),
            other => Self::Run(other),
        }
    }
}

/// A writer of Parquet or JSON wraps what the pipe said.
impl From<datafusion::error::DataFusionError> for CliError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            let io = error.downcast_ref::<io::Error>();
            if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                return Self::ReaderGone;
            }
            cause = error.source();
        }
        Self::Query(error)
    }
}

/// Errors without a word of ours are those of writing to stdout.
impl From<io::Error> for CliError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Io { doing: "writing the output".into(), source },
        }
    }
}

/// The result of a command.
pub type Result<T = ExitStatus, E = CliError> = std::result::Result<T, E>;
