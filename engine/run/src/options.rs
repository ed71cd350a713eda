//! How a run is done.

use engine_connect::hub::topics::Start;
use serde::{Deserialize, Serialize};

/// How a run is done. What is skipped by `serde` is not part of what a retry does again.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Build everything anew, incremental models and streams included.
    pub full_refresh: bool,
    /// Generate again what is there already.
    pub regenerate: bool,
    /// Generators make this many times their rows.
    pub rows_scale: f64,
    /// Exactly so many rows of each generator.
    pub rows: Option<u64>,
    /// Tries after the first for what may pass.
    #[serde(skip, default = "retries")]
    pub retries: u32,
    /// Start nothing new once something failed.
    #[serde(skip)]
    pub fail_fast: bool,
    /// Where streams begin, instead of where they stand.
    #[serde(skip)]
    pub from: Option<Start>,
    /// Streams go on at the end of their topic, until they are stopped.
    #[serde(skip)]
    pub forever: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            full_refresh: false,
            regenerate: false,
            rows_scale: 1.0,
            rows: None,
            retries: retries(),
            fail_fast: false,
            from: None,
            forever: false,
        }
    }
}

/// What may pass is tried so often after the first try.
fn retries() -> u32 {
    2
}
