//! Tables that replications name by globs: asked for again whenever that may have changed.

use super::{Inner, Reading};
use crate::{
    discover::{self, Tables},
    error::{Error, Result},
    execute::wait_ready,
    location,
    plan::Plan,
    schedule::admission::Footprint,
    systems::Systems,
};
use engine_language::{diagnostic::Problems, name::Name, project::Project};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A system that does not tell its tables within this time is asked another time.
const PATIENCE: Duration = Duration::from_secs(10);

impl Inner {
    /// What the systems of a project say of tables that nobody declared, if all of them tell.
    pub(super) async fn tables(&self, project: &Project, known: &Tables) -> Option<Tables> {
        let sources = discover::open_sources(project);
        if sources.is_empty() {
            return None;
        }
        let systems = Systems::connect(project, &self.options.root, &mut Problems::default());
        match self.ask(project, &systems, &sources).await {
            Ok(found) => (found != *known).then_some(found),
            Err(error) => {
                tracing::warn!(%error, "the tables that a replication copies are not asked for; those of before are copied");
                None
            }
        }
    }

    async fn ask(&self, project: &Project, systems: &Systems, sources: &BTreeSet<Name>) -> Result<Tables> {
        let silent = |_| Err(Error::State("no answer in time".to_owned()));
        timeout(PATIENCE, discover::tables(project, systems, sources)).await.unwrap_or_else(silent)
    }

    /// Reads the project again if a run would find other tables than it knows of.
    pub(super) async fn look_for_tables(self: &Arc<Self>, touches: &Footprint) {
        let reading = self.reading();
        let project = &reading.project;
        let open = discover::open_sources(project);
        let connections: BTreeSet<&Name> =
            open.iter().filter_map(|name| Some(&project.sources.get(name)?.connection.value)).collect();
        if !touches.connections.iter().any(|name| connections.contains(name)) {
            return;
        }
        if let Some(tables) = self.tables(project, &reading.discovered).await {
            let read = self.read(Arc::new(tables)).await;
            self.take(read);
        }
    }
}

/// Waits for the systems that a plan's steps read and write.
pub async fn arrived(reading: &Reading, plan: &Plan, cancel: &CancellationToken) {
    let project = &reading.project;
    let says = |name: &Name, error: &engine_connect::hub::error::Error| {
        tracing::warn!(%name, error = %error.source, "waiting for a system");
    };
    let wait = project.settings.limits.wait;
    let names = location::connections(project, plan.steps.iter().flat_map(|step| &step.nodes));
    tokio::select! {
        () = wait_ready::wait(reading.runner.systems(), &names, wait, &says) => {}
        () = cancel.cancelled() => {}
    }
}
