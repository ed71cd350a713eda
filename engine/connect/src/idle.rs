//! Connections that came to a good end, kept for a moment for whoever is next: to log in costs more than to read a small
//! table.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// So many are kept.
const KEPT: usize = 8;
/// For so long.
const AGE: Duration = Duration::from_secs(1);

/// Connections without a transaction or a lock.
pub struct Idle<C>(Mutex<Vec<(C, Instant)>>);

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Send + 'static> Idle<C> {
    /// One that still answers.
    pub async fn take(&self, answers: impl AsyncFn(&mut C) -> bool) -> Option<C> {
        loop {
            let (mut on, since) = self.0.lock().expect("no holder of this lock panics").pop()?;
            if since.elapsed() < AGE && answers(&mut on).await {
                return Some(on);
            }
        }
    }

    /// Keeps one, which must be as it was when it was new.
    pub fn put(self: &Arc<Self>, on: C) {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        if all.len() >= KEPT {
            return;
        }
        all.push((on, Instant::now()));
        drop(all);
        let idle = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(AGE).await;
            if let Some(idle) = idle.upgrade() {
                idle.0.lock().expect("no holder of this lock panics").retain(|(_, since)| since.elapsed() < AGE);
            }
        });
    }
}
