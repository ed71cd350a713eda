//! What will be done and why, as data.

use engine_language::{
    graph::{NodeId, NodeKind},
    model::Materialized,
    name::Name,
    project::Project,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a run will do. Printed by `plan`, executed by the runner, shown on the web.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Steps, each after all that it waits for.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The nodes that it makes: one, or the tables of one replication, which are published together.
    pub nodes: Vec<NodeId>,
    /// What is done.
    pub action: Action,
    /// Steps of this plan that it waits for, by their place in [`Plan::steps`].
    pub after: BTreeSet<usize>,
    /// Why it is in the plan.
    pub why: Why,
}

/// What is done in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Fill a generated table or topic that is missing.
    Generate,
    /// Load a seed's rows.
    Seed,
    /// Copy tables.
    Replicate,
    /// Build a model by its materialization.
    Build,
    /// Run a singular test.
    Test,
}

/// Why a step is in the plan. What its inputs turn out to be may still make it unnecessary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was never made.
    New,
    /// Its own text or settings changed.
    Changed,
    /// An input's data or columns changed, or may have.
    Input(NodeId),
    /// Its table is not as it was left.
    Output,
    /// So many messages of its topic are not read yet.
    Behind(NodeId, u64),
    /// It says something else each time.
    Volatile,
    /// The user asked for it to be made anew.
    Asked,
    /// Nothing changed; it will be reused.
    Unchanged,
}

/// What a run of the selected nodes will do. `why` says why a node is made, as far as that is known.
pub fn plan(project: &Project, selection: &BTreeSet<NodeId>, why: &dyn Fn(&NodeId) -> Why) -> Plan {
    let order = project.graph.order();
    let mut steps: Vec<Step> = vec![];
    let mut groups: BTreeMap<(Action, Name), usize> = BTreeMap::new();
    let mut step_of: BTreeMap<&NodeId, usize> = BTreeMap::new();
    for node in order.iter().filter(|node| selection.contains(node)) {
        let Some(action) = action(project, node) else { continue };
        let new = steps.len();
        let at = group(project, node, action).map_or(new, |name| *groups.entry((action, name)).or_insert(new));
        if at == new {
            steps.push(Step { nodes: vec![], action, after: BTreeSet::new(), why: why(node) });
        }
        steps[at].nodes.push(node.clone());
        step_of.insert(node, at);
    }
    wait(project, &order, &step_of, &mut steps);
    Plan { steps: in_order(steps) }
}

/// Says which steps each step waits for: those that make what its nodes read, directly or through nodes without a step.
/// A step that is waited for waits itself, so what stands before it need not be repeated.
fn wait(project: &Project, order: &[NodeId], step_of: &BTreeMap<&NodeId, usize>, steps: &mut [Step]) {
    let mut through: BTreeMap<&NodeId, BTreeSet<usize>> = BTreeMap::new();
    for node in order {
        let mut before = BTreeSet::new();
        for parent in project.graph.parents.get(node).into_iter().flatten() {
            match step_of.get(parent) {
                Some(step) => drop(before.insert(*step)),
                None => before.extend(through.get(parent).into_iter().flatten()),
            }
        }
        match step_of.get(node) {
            Some(at) => steps[*at].after.extend(before.into_iter().filter(|step| step != at)),
            None => drop(through.insert(node, before)),
        }
    }
}

/// What is done for a node; `None` for what only stands for something outside.
fn action(project: &Project, node: &NodeId) -> Option<Action> {
    match node.kind() {
        NodeKind::Generator => project.generator(node)?.into.as_ref().map(|_| Action::Generate),
        NodeKind::Source => None,
        NodeKind::Seed => Some(Action::Seed),
        NodeKind::Copy => Some(Action::Replicate),
        NodeKind::Model => {
            let materialized = project.model(node)?.config.materialized;
            (!matches!(materialized, Materialized::View | Materialized::Ephemeral)).then_some(Action::Build)
        }
        NodeKind::Test => Some(Action::Test),
    }
}

/// Nodes of one group are published together: the tables of one replication, the generated tables of one connection.
fn group(project: &Project, node: &NodeId, action: Action) -> Option<Name> {
    match action {
        Action::Replicate => node.copied().map(|(replication, _)| replication.clone()),
        Action::Generate => {
            let into = project.generator(node)?.into.as_ref()?;
            Some(project.sources.get(&into.source)?.connection.value.clone())
        }
        Action::Seed | Action::Build | Action::Test => None,
    }
}

/// A model's text as the user wrote it; `None` of other nodes.
pub fn text(project: &Project, node: &NodeId) -> Option<String> {
    let model = project.model(node)?;
    Some(project.files.text(model.file).to_string())
}

/// The same steps, each behind all that it waits for; among equals, in the order given.
fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let mut waits: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
    let mut behind: Vec<Vec<usize>> = vec![vec![]; steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.after.iter().for_each(|before| behind[*before].push(at));
    }
    let mut left: BTreeSet<usize> = (0..steps.len()).collect();
    let mut ready: BTreeSet<usize> = left.iter().copied().filter(|at| waits[*at] == 0).collect();
    let mut order: Vec<usize> = vec![];
    // Steps of several nodes could wait for each other in a circle; then the first that is left goes first.
    while let Some(next) = ready.pop_first().or_else(|| left.first().copied()) {
        left.remove(&next);
        order.push(next);
        for after in &behind[next] {
            waits[*after] = waits[*after].saturating_sub(1);
            if waits[*after] == 0 && left.contains(after) {
                ready.insert(*after);
            }
        }
    }
    sorted(steps, &order)
}

/// The steps in this order, with the places of what they wait for.
fn sorted(steps: Vec<Step>, order: &[usize]) -> Vec<Step> {
    let mut place = vec![0; steps.len()];
    order.iter().enumerate().for_each(|(at, from)| place[*from] = at);
    let mut sorted: Vec<(usize, Step)> =
        steps.into_iter().enumerate().map(|(from, step)| (place[from], step)).collect();
    sorted.sort_by_key(|(at, _)| *at);
    let mut steps: Vec<Step> = vec![];
    for (at, mut step) in sorted {
        step.after = step.after.iter().map(|before| place[*before]).filter(|before| *before < at).collect();
        steps.push(step);
    }
    steps
}
