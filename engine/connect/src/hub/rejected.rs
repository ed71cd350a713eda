//! Messages and lines that could not be read as declared.

use super::policy::Replacements;
use std::sync::{Arc, Mutex};

/// A message or line that could not be read as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The topic or file.
    pub source: String,
    /// The partition; 0 where there are none.
    pub partition: u32,
    /// The offset in it: of a message, or the line's number from 1.
    pub offset: i64,
    /// What stands there.
    pub payload: Vec<u8>,
    /// Why it was refused.
    pub reason: String,
}

/// Collects rejected rows while a table is scanned. As many as the batch's limit allows, so memory is bounded.
#[derive(Clone, Debug, Default)]
pub struct Rejects {
    rows: Arc<Mutex<Vec<RejectedRow>>>,
    /// Values that became NULL, as the user chose.
    pub replaced: Replacements,
}

impl Rejects {
    /// Adds one.
    pub fn push(&self, row: RejectedRow) {
        self.rows.lock().expect("no holder of this lock panics").push(row);
    }

    /// Takes all out.
    pub fn take(&self) -> Vec<RejectedRow> {
        std::mem::take(&mut self.rows.lock().expect("no holder of this lock panics"))
    }
}
