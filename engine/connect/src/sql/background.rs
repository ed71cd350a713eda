//! What goes on behind what was said to be done: nobody needs it, but it is to end before the run does.

use std::{future::Future, mem, sync::Mutex};
use tokio::task::JoinHandle;

/// Chores that were begun.
#[derive(Debug, Default)]
pub struct Background(Mutex<Vec<JoinHandle<()>>>);

impl Background {
    /// Begins one. It goes on even if nobody waits for it.
    pub fn begin(&self, chore: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().expect("no holder of this lock panics").push(tokio::spawn(chore));
    }

    /// Waits until all that were begun have ended.
    pub async fn done(&self) {
        let begun = mem::take(&mut *self.0.lock().expect("no holder of this lock panics"));
        for chore in begun {
            chore.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        }
    }
}
