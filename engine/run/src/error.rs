//! Why a step did not succeed.

use engine_language::diagnostic::Diagnostic;

/// What kept a step, or the runner itself, from going on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's files are wrong, and here is where.
    #[error("{}", .0.message)]
    Project(Box<Diagnostic>),
    /// A system did not cooperate.
    #[error(transparent)]
    Connect(#[from] engine_connect::hub::error::Error),
    /// The query engine gave up: memory, a value that cannot be computed.
    #[error(transparent)]
    Query(#[from] datafusion::error::DataFusionError),
    /// The engine's own records could not be read or written.
    #[error("the engine's records: {0}")]
    State(String),
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
