//! From a loaded project to a run: the one place that puts plan, runner, history and listeners together.

use crate::{
    args::Selected,
    artifacts::{self, events::EventLog},
    context::{Context, Loaded},
    report::{self, Lines},
    stop::{Result, Stop},
    systems::{self, Connections},
    terminal::Style,
    words,
};
use engine_language::{
    graph::{NodeId, NodeKind},
    project::Project,
    template::RunInfo,
};
use engine_run::{
    clock::{Clock as _, SystemClock},
    event::{Events, Listener},
    plan::Plan,
    report::Report,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A project that can run.
#[derive(Clone)]
pub struct Ready {
    /// The project.
    pub project: Arc<Project>,
    /// Its connections.
    pub connections: Arc<Connections>,
    /// How long understanding it took.
    pub took: Duration,
}

/// How a run is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Make everything anew.
    pub full_refresh: bool,
    /// Stop at the first failure.
    pub fail_fast: bool,
    /// Multiply the rows of generators.
    pub rows_scale: Option<f64>,
}

/// Understands the project, or refuses it and draws why.
pub fn ready(context: &Context) -> Result<Ready> {
    let (loaded, connections) = checked(context);
    context.draw(&loaded.project, &loaded.problems, loaded.took);
    if loaded.problems.has_errors() {
        return Err(Stop::Problems);
    }
    Ok(Ready { project: Arc::new(loaded.project), connections: Arc::new(connections), took: loaded.took })
}

/// Understands the project as far as that needs no system.
pub fn checked(context: &Context) -> (Loaded, Connections) {
    let started = std::time::Instant::now();
    let mut loaded = context.load(RunInfo::NONE);
    let connections = systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    loaded.took = started.elapsed();
    (loaded, connections)
}

impl Ready {
    /// `Compiled 5 models, 7 tables, 2 replications`.
    pub fn say(&self, context: &Context) {
        let of = |kind| self.project.graph.nodes.keys().filter(|id| id.kind == kind).count();
        let parts = [
            (of(NodeKind::Model), "model"),
            (of(NodeKind::Replication) + of(NodeKind::Seed), "table"),
            (self.project.replications.len(), "replication"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| words::counted(*n as u64, word)).collect();
        context.terminal.note(&report::timed(context.terminal, Style::Good, "Compiled", &parts.join(", "), self.took));
    }

    /// The nodes that were typed.
    pub fn select(&self, context: &Context, selected: &Selected) -> Result<BTreeSet<NodeId>> {
        context.select(&self.project, selected)
    }

    /// The length of the longest of some nodes' names.
    pub fn longest(&self, nodes: &BTreeSet<NodeId>) -> usize {
        nodes.iter().map(|id| id.name.as_str().chars().count()).max().unwrap_or(0)
    }
}

impl Ready {
    /// What would be done, and why.
    pub fn plan(&self, context: &Context, nodes: &BTreeSet<NodeId>, wish: Wish) -> Result<Plan> {
        let _ = (context, nodes, wish, &self.connections);
        Err(Stop::usage("runs are not there yet", None))
    }

    /// Does it, says it, and leaves the artifacts.
    pub async fn run(
        &self,
        context: &Context,
        plan: &Plan,
        lines: Arc<Lines>,
        cancel: CancellationToken,
    ) -> Result<Report> {
        let folder = artifacts::folder(&context.made()?)?;
        let listeners: Vec<Arc<dyn Listener>> = vec![lines, Arc::new(EventLog::create(&folder)?)];
        let events = Events::to(listeners);
        let report = self.execute(context, plan, &events, cancel).await?;
        let now = SystemClock.now_us();
        artifacts::write(&folder, "manifest.json", &artifacts::manifest::manifest(&self.project, &report.run, now))?;
        artifacts::write(&folder, "run_results.json", &artifacts::run_results::run_results(&report, now))?;
        artifacts::write(&folder, "catalog.json", &artifacts::catalog::catalog(&self.tables(), &report.run, now))?;
        Ok(report)
    }

    async fn execute(&self, _: &Context, _: &Plan, _: &Events, _: CancellationToken) -> Result<Report> {
        Err(Stop::usage("runs are not there yet", None))
    }

    /// What is known of each node's table.
    fn tables(&self) -> std::collections::BTreeMap<NodeId, engine_language::table::TableDefinition> {
        let known = self.project.tables.iter();
        known.map(|(name, table)| (NodeId::new(NodeKind::Source, name.clone()), table.clone())).collect()
    }
}
