//! What could not be recorded when it happened: written as soon as the records allow it.

use super::{History, recorder::Backlog};
use crate::error::Result;

/// Writes that are to be made when they can be.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    runs: Vec<Backlog>,
    /// Runs that broke off.
    broken_off: Vec<String>,
}

impl HeldBack {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.broken_off.is_empty()
    }
}

impl History {
    /// Holds back what is still to be written of a run that is over.
    pub(super) fn hold_back(&self, backlog: Backlog) {
        self.held_back.lock().expect("no holder of this lock panics").runs.push(backlog);
    }

    /// Records that a run broke off without saying so: now, or as soon as that can be done.
    pub fn break_off(&self, run: &str) {
        self.held_back.lock().expect("no holder of this lock panics").broken_off.push(run.to_owned());
        self.write_held_back();
    }

    /// Whether something is still to be written of runs that are over.
    pub fn is_holding_back(&self) -> bool {
        !self.held_back.lock().expect("no holder of this lock panics").is_empty()
    }

    /// Writes what was held back, as far as the records allow it.
    pub fn write_held_back(&self) {
        let mut held = self.held_back.lock().expect("no holder of this lock panics");
        held.runs.retain_mut(|backlog| told(backlog.write(self)));
        held.broken_off.retain(|run| {
            let sql = "update runs set state = 'failed' where id = ?1 and state = 'running'";
            told(self.change(sql, [run]).map(drop))
        });
    }
}

/// Whether it has to be tried again.
fn told(written: Result<()>) -> bool {
    written.inspect_err(|error| tracing::warn!(%error, "the end of a run is not recorded yet")).is_err()
}
