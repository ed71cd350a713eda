//! Connections that came to a good end, kept for a moment for whoever is next: to log in costs more than to read a small
//! table.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// So many are kept.
const KEPT: usize = 8;
/// For so long.
const AGE: Duration = Duration::from_secs(1);

/// So many answer short questions at once.
const SHORT: usize = 4;

/// Connections without a transaction or a lock.
pub struct Pool<C> {
    kept: Mutex<Vec<(C, Instant)>>,
    turns: Semaphore,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Semaphore::new(SHORT) }
    }
}

impl<C: Send + 'static> Pool<C> {
    /// Asks something short, over a connection that is left as it was.
    pub async fn briefly<T, E>(
        self: &Arc<Self>,
        connect: impl Future<Output = Result<C, E>>,
        ask: impl AsyncFnOnce(&mut C) -> Result<T, E>,
    ) -> Result<T, E> {
        let _turn = self.turns.acquire().await.expect("turns are never closed");
        let mut on = connect.await?;
        let answer = ask(&mut on).await?;
        self.put(on);
        Ok(answer)
    }

    /// One that still answers.
    pub async fn take(&self, answers: impl AsyncFn(&mut C) -> bool) -> Option<C> {
        loop {
            let (mut on, since) = self.kept.lock().expect("no holder of this lock panics").pop()?;
            if since.elapsed() < AGE && answers(&mut on).await {
                return Some(on);
            }
        }
    }

    /// Keeps one, which must be as it was when it was new.
    pub fn put(self: &Arc<Self>, on: C) {
        let mut all = self.kept.lock().expect("no holder of this lock panics");
        if all.len() >= KEPT {
            return;
        }
        all.push((on, Instant::now()));
        drop(all);
        let idle = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(AGE).await;
            if let Some(idle) = idle.upgrade() {
                idle.kept.lock().expect("no holder of this lock panics").retain(|(_, since)| since.elapsed() < AGE);
            }
        });
    }
}
