//! A model, one templated SELECT: what its `config()` says, and what it must keep to.

mod check;
mod config;
mod fingerprint;

pub use check::{Check, CheckSeverity, Rule};
pub use config::{Materialized, ModelConfig, Strategy};
pub use fingerprint::Fingerprint;

use crate::{files::FileId, name::Name, rendered::Rendered};

/// One file of `models/`.
#[derive(Clone, Debug)]
pub struct Model {
    /// The file's name without `.sql`.
    pub name: Name,
    /// The file.
    pub file: FileId,
    /// What `config()` says, with defaults.
    pub config: ModelConfig,
    /// The SQL, rendered with `is_incremental()` false. `reads` are those of both renderings.
    pub rendered: Rendered,
    /// The SQL, rendered with `is_incremental()` true; `None` if the model does not ask.
    pub incremental: Option<Rendered>,
    /// What it says, spaces and comments aside.
    pub fingerprint: Fingerprint,
}

/// One file of `tests/*.sql`: it must return no rows.
#[derive(Clone, Debug)]
pub struct SingularTest {
    /// The file's name without `.sql`.
    pub name: Name,
    /// The file.
    pub file: FileId,
    /// Whether rows are an error or a warning.
    pub severity: CheckSeverity,
    /// The SQL.
    pub rendered: Rendered,
    /// What it says, spaces and comments aside.
    pub fingerprint: Fingerprint,
}
