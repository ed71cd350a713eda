//! Plans a run by what is remembered, without asking a system.

use super::definition::{Definition, Definitions};
use crate::{
    history::{Built, History},
    options::RunOptions,
    plan::{self, Action, Plan, Step, Why},
};
use engine_language::{graph::NodeId, project::Project};
use std::collections::BTreeSet;

impl RunOptions {
    /// What would be done, and why.
    pub fn plan(self, project: &Project, history: &History, nodes: &BTreeSet<NodeId>) -> Plan {
        let target = project.target.as_str();
        let definitions = Definitions::of(project);
        let why = |node: &NodeId| why(definitions.get(node), history.built(target, node).ok().flatten());
        let mut plan = plan::plan(project, nodes, &why);
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

fn why(definition: &Definition, before: Option<Built>) -> Why {
    match before {
        None => Why::New,
        Some(before) if before.definition != definition.hash => Why::Changed,
        Some(_) if definition.volatile => Why::Volatile,
        Some(_) => Why::Unchanged,
    }
}
