//! The newest run's artifacts, as `engine run` leaves them.

use crate::artifacts;
use engine_language::project::Project;
use engine_run::{
    event::Event,
    report::Report,
    service::{Reading, Watcher, Work},
    sql::Schemas,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

/// Leaves artifacts when a run ends. A run that is over while others' are written waits for nobody: theirs are written next,
/// or those of the one that came after it, because only the newest stay.
#[derive(Debug)]
pub struct ArtifactsWriter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    made: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Newest>,
    /// Somebody writes, and looks for the newest again before it ends.
    is_writing: bool,
}

#[derive(Debug)]
struct Newest {
    project: Arc<Project>,
    schemas: Arc<Schemas>,
    report: Report,
}

impl ArtifactsWriter {
    /// Below the folder of what the engine made.
    pub fn new(made: &Path) -> Self {
        Self(Arc::new(Shared { made: made.to_owned(), state: Mutex::default() }))
    }
}

impl Watcher for ArtifactsWriter {
    fn hear(&self, _: &Work, _: i64, _: &Event) {}

    fn ended(&self, _: &Work, reading: &Reading, report: &Report) {
        let newest =
            Newest { project: reading.project.clone(), schemas: reading.schemas.clone(), report: report.clone() };
        let mut state = self.0.state();
        state.newest = Some(newest);
        if !std::mem::replace(&mut state.is_writing, true) {
            let shared = self.0.clone();
            tokio::task::spawn_blocking(move || shared.write());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn next(&self) -> Option<Newest> {
        let mut state = self.state();
        let newest = state.newest.take();
        state.is_writing = newest.is_some();
        newest
    }

    fn write(&self) {
        while let Some(newest) = self.next() {
            let Newest { project, schemas, report } = newest;
            let left =
                artifacts::folder(&self.made).and_then(|folder| artifacts::leave(&folder, &project, &schemas, &report));
            if let Err(error) = left {
                tracing::warn!(%error, "artifacts are not written");
            }
        }
    }
}
