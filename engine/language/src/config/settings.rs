//! The top of `sources.toml`: what holds for the whole project.

use super::{Spanned, value::Value};
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
}

/// `[limits]`: how much of the machine a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps at once.
    pub steps: usize,
    /// Memory of all queries together, in bytes.
    pub memory_bytes: u64,
    /// Room for spilled data, in bytes.
    pub spill_bytes: u64,
    /// Rows of one micro-batch of a stream.
    pub batch_rows: u64,
    /// How long a run waits at its start for systems that are not there yet.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 4,
            memory_bytes: 1 << 30,
            spill_bytes: 20 << 30,
            batch_rows: 10_000,
            wait: Duration::from_secs(30),
        }
    }
}
