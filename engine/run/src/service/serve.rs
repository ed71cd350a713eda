//! The service at work: it looks at the schedules until it is stopped, and then lets runs end.

use super::{Inner, Service};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Schedules that could not be looked at are looked at again after so long.
const AGAIN_US: i64 = 1_000_000;
/// Old records are forgotten so often.
const TIDY: Duration = Duration::from_hours(1);
/// Runs that are cancelled may take so long to notice.
const LAST: Duration = Duration::from_secs(5);

impl Service {
    /// Serves until it is told to stop; then runs may go on for `grace`, and those that did not end are given up:
    /// their targets are as they were, and the next service goes on with them.
    pub async fn serve(&self, stop: CancellationToken, grace: Duration) {
        let inner = &self.0;
        if let Err(error) = inner.enter().await {
            tracing::error!(%error, "what others left behind is not removed yet");
        }
        let tidy = tokio::spawn(tidy(self.clone()));
        while !stop.is_cancelled() {
            inner.follow();
            let next_us = inner.look().await;
            let wait = Duration::from_micros(next_us.saturating_sub(inner.now()).max(0).unsigned_abs());
            tokio::select! {
                () = sleep_until(Instant::now() + wait) => {}
                () = inner.wake.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        tidy.abort();
        self.close(grace).await;
    }

    async fn close(&self, grace: Duration) {
        let inner = &self.0;
        inner.closing.cancel();
        inner.tasks.close();
        inner.beat();
        if timeout(grace, inner.tasks.wait()).await.is_err() {
            inner.live.cancel_all();
            if timeout(LAST, inner.tasks.wait()).await.is_err() {
                tracing::warn!("runs that do not look up are given up; their tables are as they were");
            }
        }
    }
}

impl Inner {
    /// Looks at the schedules; answers when to look again. An error of the records ends nothing.
    async fn look(self: &Arc<Self>) -> i64 {
        let now_us = self.now();
        let looked = match self.meet_if_new() {
            Ok(()) => self.tick().await,
            Err(error) => Err(error),
        };
        self.note_trouble(looked.as_ref().err());
        looked.unwrap_or_else(|error| {
            tracing::error!(%error, "the schedules could not be looked at; trying again");
            now_us + AGAIN_US
        })
    }
}

/// Forgets old records, now and then.
async fn tidy(service: Service) {
    loop {
        let kept = service.reading().project.settings.kept;
        let (history, now) = (Arc::clone(service.history()), service.now_us());
        let forgotten = tokio::task::spawn_blocking(move || history.forget_old(kept, now)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "old records are not forgotten");
        }
        sleep(TIDY).await;
    }
}
