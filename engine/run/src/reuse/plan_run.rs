//! Plans a run by what is remembered, without asking a system.

use super::definition::{Definition, Definitions};
use crate::{
    error::Result,
    history::History,
    options::RunOptions,
    plan::{self, Action, Plan, Step, Why},
};
use engine_language::{graph::NodeId, project::Project};
use std::collections::BTreeSet;

/// What a run of these nodes would do, and why. An error if what is remembered cannot be read.
pub fn plan(
    project: &Project,
    definitions: &Definitions,
    history: &History,
    options: RunOptions,
    nodes: &BTreeSet<NodeId>,
) -> Result<Plan> {
    let built = history.built_definitions(project.target.as_str())?;
    let mut plan = plan::plan(project, nodes, &|node| why(definitions.get(node), built.get(node)));
    if !options.regenerate && !options.full_refresh {
        // What was generated is the user's, and is kept even if the settings changed.
        let kept = |step: &&mut Step| step.action == Action::Generate && step.why == Why::Changed;
        plan.steps.iter_mut().filter(kept).for_each(|step| step.why = Why::Unchanged);
    }
    if options.full_refresh {
        plan.steps
            .iter_mut()
            .filter(|step| step.why != Why::New && !keeps(project, step))
            .for_each(|step| step.why = Why::Asked);
    }
    Ok(plan)
}

/// Whether a step's model is never made anew.
fn keeps(project: &Project, step: &Step) -> bool {
    let model = step.nodes.first().and_then(|node| node.model().and_then(|name| project.models.get(name)));
    step.action == Action::Build && model.is_some_and(|model| model.config.full_refresh == Some(false))
}

fn why(definition: &Definition, before: Option<&String>) -> Why {
    match before {
        None => Why::New,
        Some(before) if *before != definition.hash => Why::Changed,
        Some(_) if definition.volatile => Why::Volatile,
        Some(_) => Why::Unchanged,
    }
}
