//! `[replications.NAME]`: copies tables as they are.

pub(super) mod read;

use super::toml::Spanned;
use crate::{code::Code, name::Name};
use serde::Deserialize;
use std::time::Duration;

/// Tables to copy from a source into another system. Each copied table is a node, `ref('replica.orders')`.
#[derive(Clone, Debug)]
pub struct Replication {
    /// `replica` in `ref('replica.orders')`.
    pub name: Spanned<Name>,
    /// The source that is read.
    pub from: Spanned<Name>,
    /// The connection that is written.
    pub to: Spanned<Name>,
    /// Globs over the source's tables.
    pub tables: Vec<Spanned<String>>,
    /// How much is copied each time.
    pub mode: ReplicationMode,
    /// The column that only grows, for `incremental`.
    pub cursor: Option<Spanned<String>>,
    /// How late a row may be committed after its cursor's time; `None` leaves it to the source to tell.
    pub overlap: Option<Duration>,
    /// What is compared afterwards.
    pub verify: Verify,
    /// Losses that the user accepts, such as `W0510`.
    pub allow: Vec<&'static Code>,
}

/// How much is copied each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationMode {
    /// Everything, replaced in one step.
    #[default]
    Full,
    /// Rows beyond the cursor, merged by key.
    Incremental,
    /// Changes as they are logged.
    Cdc,
}

/// What is compared after copying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The numbers of rows.
    Count,
    /// A digest of the rows as they were read, against one made inside the target.
    #[default]
    Target,
    /// Digests made inside both systems.
    Both,
}
