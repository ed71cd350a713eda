//! How fast a stream that goes on asks again.

use std::time::Duration;
use tokio::time::sleep;

/// How long it waits at the end of the topic.
const IDLE: Duration = Duration::from_millis(200);
/// How long it waits at most after an error that may pass.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits longer after each error, until something goes well.
#[derive(Debug, Default)]
pub struct PollBackoff {
    errors: u32,
}

impl PollBackoff {
    /// Something was committed.
    pub fn moved(&mut self) {
        self.errors = 0;
    }

    /// The end was reached: waits for more.
    pub async fn idle(&mut self) {
        self.moved();
        sleep(IDLE).await;
    }

    /// Something failed that may pass: waits for that.
    pub async fn failed(&mut self) {
        let wait = Duration::from_millis(250 << self.errors.min(6));
        self.errors += 1;
        sleep(wait.min(LONGEST)).await;
    }
}
