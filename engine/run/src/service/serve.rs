//! The service at work: it looks at the schedules until it is stopped, and then lets runs end.

use super::Service;
use crate::error::Result;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Whoever did not look for so long was asleep: ticks of that time were missed.
const ASLEEP_US: i64 = 60_000_000;
/// Old records are forgotten so often.
const TIDY: Duration = Duration::from_hours(1);
/// Runs that are cancelled may take so long to notice.
const LAST: Duration = Duration::from_secs(5);

impl Service {
    /// Serves until it is told to stop; then runs may go on for `grace`, and those that did not end are given up:
    /// their targets are as they were, and the next service goes on with them.
    pub async fn serve(&self, stop: CancellationToken, grace: Duration) -> Result<()> {
        let inner = &self.0;
        inner.meet()?;
        inner.history.schedules_ready(&inner.target(), inner.now())?;
        let pass = inner.enter().await?;
        let cut_off = inner.settle_cut_off()?;
        if cut_off > 0 {
            tracing::info!(jobs = cut_off, "runs that were cut off are settled");
        }
        drop(pass);
        let tidy = tokio::spawn(tidy(self.clone()));
        let mut looked = inner.now();
        while !stop.is_cancelled() {
            let now = inner.now();
            if now - looked > ASLEEP_US {
                inner.history.schedules_ready(&inner.target(), now)?;
            }
            looked = now;
            inner.follow();
            let next = match inner.tick().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "the schedules could not be looked at; trying again");
                    now + 1_000_000
                }
            };
            let wait = Duration::from_micros(next.saturating_sub(inner.now()).max(0).unsigned_abs());
            tokio::select! {
                () = sleep_until(Instant::now() + wait) => {}
                () = inner.wake.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        tidy.abort();
        self.close(grace).await;
        Ok(())
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
