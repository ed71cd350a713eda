//! How a run is done, and what it would do.

use crate::{
    history::History,
    plan::{self, Action, Plan, Step, Why},
};
use engine_connect::hub::topics::Start;
use engine_language::{graph::NodeId, project::Project};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a run is done. What is skipped by `serde` is not part of what a retry does again.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Build everything anew, incremental models and streams included.
    pub full_refresh: bool,
    /// Generate again what is there already.
    pub regenerate: bool,
    /// Generators make this many times their rows.
    pub rows_scale: f64,
    /// Exactly so many rows of each generator.
    pub rows: Option<u64>,
    /// Tries after the first for what may pass.
    #[serde(skip, default = "retries")]
    pub retries: u32,
    /// Start nothing new once something failed.
    #[serde(skip)]
    pub fail_fast: bool,
    /// Where streams begin, instead of where they stand.
    #[serde(skip)]
    pub from: Option<Start>,
    /// Streams go on at the end of their topic, until they are stopped.
    #[serde(skip)]
    pub forever: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            full_refresh: false,
            regenerate: false,
            rows_scale: 1.0,
            rows: None,
            retries: retries(),
            fail_fast: false,
            from: None,
            forever: false,
        }
    }
}

/// What may pass is tried so often after the first try.
fn retries() -> u32 {
    2
}

impl RunOptions {
    /// What would be done, and why.
    pub fn plan(self, project: &Project, history: &History, nodes: &BTreeSet<NodeId>) -> Plan {
        let target = project.target.as_str();
        let mut plan = plan::plan(project, nodes, &|node| history.built(target, node).ok().flatten());
        if !self.regenerate && !self.full_refresh {
            // What was generated is the user's, and is kept even if the settings changed.
            let kept = |step: &&mut Step| step.action == Action::Generate && step.why == Why::Changed;
            plan.steps.iter_mut().filter(kept).for_each(|step| step.why = Why::Unchanged);
        }
        if self.full_refresh {
            plan.steps
                .iter_mut()
                .filter(|step| step.why != Why::New && !keeps(project, step))
                .for_each(|step| step.why = Why::Asked);
        }
        plan
    }
}

/// Whether a step's model is never made anew.
fn keeps(project: &Project, step: &Step) -> bool {
    let model = step.nodes.first().and_then(|node| node.model().and_then(|name| project.models.get(name)));
    step.action == Action::Build && model.is_some_and(|model| model.config.full_refresh == Some(false))
}
