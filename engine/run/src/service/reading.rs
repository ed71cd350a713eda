//! A project as it was read: what runs, or what is wrong.

use super::Options;
use crate::{
    analyze::analyze,
    clock::Clock,
    discover::Tables,
    history::History,
    location,
    redact::Mask,
    runner::Runner,
    schedule::{admission::Footprint, times::Times},
    sql::Schemas,
    systems::Systems,
};
use engine_language::{
    config::schedule::{Schedule, Trigger},
    diagnostic::{Diagnostic, Problems},
    graph::NodeId,
    load::{LoadOptions, load},
    name::Name,
    project::Project,
    select::select,
    template::RunInfo,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A project without errors, ready to run.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The project.
    pub project: Arc<Project>,
    /// What is not wrong, but should be looked at.
    pub warnings: Problems,
    /// The columns of each node, as far as they are known.
    pub schemas: Arc<Schemas>,
    /// Runs plans of it.
    pub runner: Runner,
    /// When it was read, in microseconds since 1970 UTC.
    pub read_us: i64,
    /// When each schedule is due.
    pub times: BTreeMap<Name, Times>,
    /// What the runs of each schedule make and touch.
    pub footprints: BTreeMap<Name, Footprint>,
    /// Hides what came from the environment.
    pub mask: Mask,
    /// The tables that nobody declared, as their systems told them.
    pub discovered: Arc<Tables>,
}

/// A project that cannot run.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What could be understood of it; its files are what the places of the problems are in.
    pub project: Arc<Project>,
    /// What is wrong.
    pub problems: Problems,
    /// When it was read, in microseconds since 1970 UTC.
    pub read_us: i64,
}

impl Reading {
    /// Reads the project. Its queries run within the memory of `sharing`, if that has the same limits.
    pub fn read(
        options: &Options,
        discovered: Arc<Tables>,
        history: &Arc<History>,
        clock: &Arc<dyn Clock>,
        sharing: Option<&Runner>,
    ) -> Result<Self, Box<Broken>> {
        let load_options = LoadOptions {
            target: options.target.clone(),
            vars: options.vars.clone(),
            run: RunInfo::NONE,
            discovered: discovered.as_ref().clone(),
        };
        let read_us = clock.now_us();
        let (project, mut problems) = load(options.world.as_ref(), &load_options);
        let systems = Systems::connect(&project, &options.root, &mut problems);
        let schemas = Arc::new(analyze(&project, &systems, &mut problems));
        problems.sort(&project.files);
        let project = Arc::new(project);
        let broken = |problems| Box::new(Broken { project: project.clone(), problems, read_us });
        if problems.has_errors() {
            return Err(broken(problems));
        }
        let mut runner =
            Runner::open(project.clone(), history.clone(), clock.clone(), &options.root).map_err(broken)?;
        if let Some(other) = sharing.filter(|other| other.project().settings.limits == project.settings.limits) {
            runner = runner.sharing(other);
        }
        let schedules = &project.schedules;
        let times = schedules.iter().map(|(name, schedule)| (name.clone(), Times::of(&schedule.trigger))).collect();
        let footprints = schedules.iter().map(|(name, schedule)| {
            let nodes = nodes(&project, &select_of(schedule), &[]).unwrap_or_default();
            (name.clone(), footprint(&project, nodes))
        });
        let footprints = footprints.collect();
        let mask = Mask::of(&project);
        Ok(Self { project, warnings: problems, schemas, runner, read_us, times, footprints, mask, discovered })
    }

    /// The schedules that come after one, and whether each of its runs wakes them.
    pub fn after(&self, name: &str) -> Vec<(String, bool)> {
        let comes_after =
            |schedule: &&Schedule| matches!(&schedule.trigger, Trigger::After(other) if other.as_str() == name);
        let each = |schedule: &Schedule| schedule.missed == engine_language::config::schedule::Missed::All;
        let after = self.project.schedules.values().filter(comes_after);
        after.map(|schedule| (schedule.name.to_string(), each(schedule))).collect()
    }
}

/// What a schedule selects.
pub fn select_of(schedule: &Schedule) -> Vec<String> {
    schedule.select.iter().map(|selection| selection.value.clone()).collect()
}

/// The nodes of a selection that are made by running them.
pub fn nodes(project: &Project, include: &[String], exclude: &[String]) -> Result<BTreeSet<NodeId>, Diagnostic> {
    select(project, include, exclude)
}

/// What a run of these nodes makes and touches.
pub fn footprint(project: &Project, nodes: BTreeSet<NodeId>) -> Footprint {
    let connections = location::connections(project, &nodes);
    let made = |node: &NodeId| node.kind() != engine_language::graph::NodeKind::Source;
    Footprint { connections, nodes: nodes.into_iter().filter(made).collect() }
}

/// A trigger as text, to tell whether it was changed.
pub fn said(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Every(every) => format!("every {}us", every.as_micros()),
        Trigger::Cron { expression, timezone } => format!("cron {} {}", expression.value, timezone.name()),
        Trigger::Continuous => "continuous".to_owned(),
        Trigger::After(name) => format!("after {}", name.value),
    }
}
