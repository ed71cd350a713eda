//! The top of `sources.toml`: what holds for the whole project.

pub(super) mod read;

use super::toml::{Spanned, Value};
use crate::name::Name;
use std::{collections::BTreeMap, time::Duration};

/// Settings of the whole project.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The target when `-t` is not given.
    pub default_target: Option<Spanned<Name>>,
    /// The sink of models that name none.
    pub default_sink: Option<Spanned<Name>>,
    /// `[vars]`: values for `var('name')`.
    pub vars: BTreeMap<String, Value>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[limits] connections`: runs at once that touch a connection; without an entry, any number.
    pub runs_by_connection: BTreeMap<Name, usize>,
    /// `[history]`.
    pub kept: Kept,
}

/// `[limits]`: how much of the machine a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps at once.
    pub steps: usize,
    /// Memory of all queries together, in bytes; half of the machine's if it is not given.
    pub memory_bytes: Option<u64>,
    /// Room for spilled data, in bytes.
    pub spill_bytes: u64,
    /// How long a query may stand still, in which nothing is read, computed or given, before it ends with an error.
    pub stalled_after: Duration,
    /// Rows of one micro-batch of a stream.
    pub batch_rows: u64,
    /// Runs at once, of those that schedules and people ask for under `serve`.
    pub runs: usize,
    /// How long a run waits at its start for systems that are not there yet.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 4,
            memory_bytes: None,
            spill_bytes: 20 << 30,
            stalled_after: Duration::from_mins(10),
            batch_rows: 10_000,
            runs: 4,
            wait: Duration::from_secs(30),
        }
    }
}

/// `[history]`: which runs are remembered. A run beyond either bound is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// So many, the newest.
    pub runs: u32,
    /// Those that are not older.
    pub age: Duration,
}

impl Default for Kept {
    fn default() -> Self {
        Self { runs: 10_000, age: Duration::from_hours(90 * 24) }
    }
}
