//! Tells what happens in a run to those who hear of all runs.

use super::{Inner, Reading};
use crate::{
    event::{Event, Listener},
    report::Report,
    schedule::record::Job,
};
use std::sync::Arc;

/// A run of the service.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its id.
    pub run: String,
    /// Its schedule.
    pub schedule: Option<String>,
    /// The job that it is for; `None` of one more look at a stream.
    pub job: Option<Job>,
}

/// Hears what happens in all runs of a service. It must not block: runs wait for it.
pub trait Watcher: Send + Sync {
    /// Takes an event and when it happened, in microseconds since 1970 UTC.
    fn hear(&self, work: &Work, at_us: i64, event: &Event);

    /// Takes note that a run is over.
    fn ended(&self, work: &Work, reading: &Reading, report: &Report) {
        let _ = (work, reading, report);
    }
}

/// A run's listener.
pub struct FanOut {
    pub(super) inner: Arc<Inner>,
    pub(super) work: Work,
}

impl Listener for FanOut {
    fn hear(&self, at_us: i64, event: &Event) {
        self.inner.live.hear(&self.work.run, at_us, event);
        for watcher in &self.inner.options.watchers {
            watcher.hear(&self.work, at_us, event);
        }
        self.inner.beat();
    }
}
