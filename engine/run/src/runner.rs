//! What plans of one project are run with: its systems, sessions, history and options.

use crate::{
    clock::Clock,
    error::Result,
    event::{Event, Events},
    history::History,
    location::Place,
    options::RunOptions,
    plan::Plan,
    reuse::{Reuse, definition::Definitions, plan_run},
    sql::{classify_error, session::Sessions},
    systems::Systems,
};
use engine_connect::hub::{connection::Connection, version::Reads};
use engine_language::{diagnostic::Problems, graph::NodeId, name::Name, project::Project};
use futures::future::join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// What plans of one project are run with; `execute` runs them.
#[derive(Clone, Debug)]
pub struct Runner {
    pub(crate) project: Arc<Project>,
    pub(crate) systems: Systems,
    pub(crate) sessions: Sessions,
    pub(crate) history: Arc<History>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: RunOptions,
    /// The runs that this one retries, whose publications are not made again.
    pub(crate) earlier_runs: Arc<Vec<String>>,
    pub(crate) definitions: Arc<Definitions>,
}

impl Runner {
    /// Makes the connections of a project, without I/O; complains of what is wrong with them.
    pub fn open(
        project: Arc<Project>,
        history: Arc<History>,
        clock: Arc<dyn Clock>,
        root: &Path,
    ) -> std::result::Result<Self, Problems> {
        let mut problems = Problems::default();
        let systems = Systems::connect(&project, root, &mut problems);
        if problems.has_errors() {
            return Err(problems);
        }
        let spill = root.join(".engine/tmp");
        let sessions = Sessions::new(project.settings.limits, &spill).map_err(|error| {
            let mut problems = Problems::default();
            problems.push(classify_error::of(&error, None));
            problems
        })?;
        let definitions = Arc::new(Definitions::of(&project));
        Ok(Self {
            project,
            systems,
            sessions,
            history,
            clock,
            options: RunOptions::default(),
            earlier_runs: Arc::default(),
            definitions,
        })
    }

    /// The same, over other connections than the project's: for tests and rehearsals.
    #[must_use]
    pub fn over(mut self, systems: Systems) -> Self {
        self.systems = systems;
        self
    }

    /// The same, done in another way.
    #[must_use]
    pub fn with(mut self, options: RunOptions) -> Self {
        self.options = options;
        self
    }

    /// The same, as a retry of these runs.
    #[must_use]
    pub fn retrying(mut self, earlier_runs: Vec<String>) -> Self {
        self.earlier_runs = earlier_runs.into();
        self
    }

    /// The same, within the memory and the room to spill of another runner.
    #[must_use]
    pub fn sharing(mut self, other: &Self) -> Self {
        self.sessions = other.sessions.clone();
        self
    }

    /// Where queries run.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// The connections.
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// Removes what crashed runs left behind, in every system that can be reached. The caller holds the run lock.
    pub async fn recover(&self) {
        join_all(self.systems.iter().map(|(name, connection)| recover(name, connection))).await;
    }

    /// Decides what is unchanged, having asked nothing yet.
    pub(crate) fn reuse(&self) -> Reuse {
        let definitions = self.definitions.clone();
        Reuse::new(self.project.clone(), self.systems.clone(), self.history.clone(), definitions)
    }

    /// What a run of these nodes would do, and why, by what is remembered.
    pub fn plan(&self, nodes: &BTreeSet<NodeId>) -> Result<Plan> {
        plan_run::plan(&self.project, &self.definitions, &self.history, self.options, nodes)
    }

    /// Asks the systems what changed, and gives the steps that have no reason of their own the one that they have from their
    /// inputs. Only reads; says of which tables all rows had to be read, and why.
    pub async fn explain_changes(&self, plan: &mut Plan) -> BTreeMap<Place, Reads> {
        self.reuse().explain_changes(plan).await
    }

    pub(crate) fn send(&self, events: &Events, event: &Event) {
        events.send(self.clock.now_us(), event);
    }

    /// The time since then.
    pub(crate) fn since(&self, began_us: i64) -> Duration {
        Duration::from_micros(self.clock.now_us().saturating_sub(began_us).max(0).unsigned_abs())
    }
}

/// Removes what crashed runs left behind in a system that can be reached.
pub(crate) async fn recover(name: &Name, connection: &Arc<dyn Connection>) {
    let Some(sink) = connection.sink() else { return };
    if let Err(error) = sink.recover().await {
        tracing::warn!(%name, %error, "leftovers could not be removed");
    }
}
