//! Generators with `every` that a `continuous` schedule selects: a message each time that so much has passed.

use super::{Inner, Reading};
use crate::{
    error::Result,
    steps::emit::{self, Emitter},
};
use engine_language::name::Name;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// After a failure, and between looks at whether there is something to send.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends, for as long as the schedule is there.
pub async fn emit(inner: Arc<Inner>, name: Name) {
    while inner.is_followed(&name) {
        let reading = inner.reading();
        if let Err(error) = send(&inner, &reading, &name).await {
            let said = reading.mask.text(&error.to_string());
            tracing::warn!(schedule = %name, "{said}");
            inner.live.looked(name.as_str(), inner.now(), false, Some(said));
            inner.beat();
        }
        tokio::select! {
            () = sleep(PATIENCE) => {}
            () = inner.closing.cancelled() => {}
        }
    }
}

/// Sends until the project is another, somebody pauses the schedule, or the service ends.
async fn send(inner: &Arc<Inner>, reading: &Arc<Reading>, name: &Name) -> Result<()> {
    let runner = &reading.runner;
    let nodes = reading.footprints.get(name).map(|footprint| footprint.nodes.clone()).unwrap_or_default();
    let timed = nodes.iter().filter_map(|node| Some((node, emit::every(runner, node)?)));
    let mut emitters = vec![];
    for (node, every) in timed {
        emitters.push((Instant::now(), Emitter::open(runner, node, every).await?));
    }
    while let Some((due, emitter)) = emitters.iter_mut().min_by_key(|(due, _)| *due) {
        tokio::select! {
            () = sleep_until(*due) => {}
            () = inner.closing.cancelled() => return Ok(()),
        }
        if inner.is_paused(name)? || !Arc::ptr_eq(reading, &inner.reading()) {
            return Ok(());
        }
        // Messages that nobody could send while another process was at work are not sent all at once.
        *due = (*due + emitter.every).max(Instant::now());
        if let Some(_pass) = inner.enter().await? {
            emitter.send(runner).await?;
        }
    }
    Ok(())
}
