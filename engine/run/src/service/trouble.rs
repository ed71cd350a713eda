//! Whether the schedules go on: what keeps them from it, and for how long.

use super::Inner;
use crate::error::Error;

/// Schedules that could not be looked at for so long stand still.
const LONG_US: i64 = 5_000_000;

/// Why the schedules could not be looked at.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    since_us: i64,
    reason: String,
}

impl Inner {
    /// Notes whether the schedules could be looked at.
    pub(super) fn note_trouble(&self, error: Option<&Error>) {
        let mut trouble = self.trouble.lock().expect("no holder of this lock panics");
        *trouble = error.map(|error| {
            let since_us = trouble.as_ref().map_or_else(|| self.now(), |before| before.since_us);
            Trouble { since_us, reason: error.to_string() }
        });
    }

    /// Why the schedules stand still, if they do.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().expect("no holder of this lock panics").clone();
        let unrecorded = self.scheduler().unrecorded();
        match trouble {
            Some(trouble) if (self.now() - trouble.since_us).abs() >= LONG_US => {
                Some(format!("the schedules stand still: {}", trouble.reason))
            }
            _ if unrecorded > 0 => Some("the end of a run could not be recorded yet".to_owned()),
            _ => None,
        }
    }
}
