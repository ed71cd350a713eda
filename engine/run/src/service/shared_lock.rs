//! The run lock, shared by the runs of this process: the first takes it, the last gives it back.

use crate::{
    error::Result,
    history::lock::{self, RunLock, Taken},
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
};

/// The door to the runs of a project.
#[derive(Debug)]
pub struct SharedRunLock {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lock: Weak<RunLock>,
    blocked_by: Option<u32>,
    /// The next to enter finds what other processes may have left behind.
    stale: bool,
}

/// Held while a run is at work.
pub type Pass = Arc<RunLock>;

/// Who enters, and how.
#[derive(Debug)]
pub enum Entered {
    /// Others of this process are at work, or were the last to be.
    Clean(Pass),
    /// Another process was here before: what it may have left behind is to be removed first.
    Stale(Pass),
    /// Another process is at work.
    Blocked,
}

impl SharedRunLock {
    /// The lock of the project whose records are in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, state: Mutex::new(State { stale: true, ..State::default() }) }
    }

    /// Enters, if no other process is at work.
    pub fn enter(&self) -> Result<Entered> {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        if let Some(lock) = state.lock.upgrade() {
            return Ok(Entered::Clean(lock));
        }
        match lock::take(&self.folder)? {
            Taken::By(other) => {
                state.blocked_by = Some(other.unwrap_or_default());
                Ok(Entered::Blocked)
            }
            Taken::Ours(lock) => {
                let stale = std::mem::take(&mut state.stale) || lock.after.is_some();
                let pass = Arc::new(lock);
                (state.lock, state.blocked_by) = (Arc::downgrade(&pass), None);
                Ok(if stale { Entered::Stale(pass) } else { Entered::Clean(pass) })
            }
        }
    }

    /// The process that is at work instead of us.
    pub fn blocked_by(&self) -> Option<u32> {
        self.state.lock().expect("no holder of this lock panics").blocked_by
    }
}
