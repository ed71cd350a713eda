//! The newest run's artifacts, as `engine run` leaves them.

use crate::artifacts::{self, catalog, manifest, run_results};
use engine_run::{
    clock::{Clock as _, SystemClock},
    event::Event,
    report::Report,
    service::{Reading, Watcher, Work},
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

/// Leaves artifacts when a run ends.
#[derive(Debug)]
pub struct Left {
    made: PathBuf,
    one_at_a_time: Mutex<()>,
}

impl Left {
    /// Below the folder of what the engine made.
    pub fn new(made: &Path) -> Self {
        Self { made: made.to_owned(), one_at_a_time: Mutex::default() }
    }
}

impl Watcher for Left {
    fn hear(&self, _: &Work, _: i64, _: &Event) {}

    fn ended(&self, _: &Work, reading: &Reading, report: &Report) {
        let _one = self.one_at_a_time.lock().expect("no holder of this lock panics");
        let now = SystemClock.now_us();
        let left = artifacts::folder(&self.made).and_then(|folder| {
            artifacts::write(&folder, "manifest.json", &manifest::manifest(&reading.project, &report.run, now))?;
            artifacts::write(&folder, "run_results.json", &run_results::run_results(report, now))?;
            artifacts::write(&folder, "catalog.json", &catalog::catalog(&reading.schemas, &report.run, now))
        });
        if let Err(error) = left {
            tracing::warn!(%error, "artifacts are not written");
        }
    }
}
