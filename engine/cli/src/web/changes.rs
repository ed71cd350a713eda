//! Which topics of pages changed, told to all who listen.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;

/// Changes that a slow listener may be behind; one that is further behind is told so.
const BEHIND: usize = 16;

/// The topics that changed.
pub type Changed = Vec<&'static str>;

/// Where changes are told.
#[derive(Debug)]
pub struct Changes {
    sender: broadcast::Sender<Changed>,
    /// How often something was found out about sources.
    sources: AtomicU64,
}

impl Default for Changes {
    fn default() -> Self {
        Self { sender: broadcast::channel(BEHIND).0, sources: AtomicU64::default() }
    }
}

impl Changes {
    /// Tells all who listen; nobody does if no page is open.
    pub fn tell(&self, changed: Changed) {
        let _ = self.sender.send(changed);
    }

    /// What is told from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.sender.subscribe()
    }

    /// How often something was found out about sources.
    pub fn sources(&self) -> u64 {
        self.sources.load(Ordering::Relaxed)
    }

    /// Something was found out about a source.
    pub fn of_sources(&self) {
        self.sources.fetch_add(1, Ordering::Relaxed);
    }
}
