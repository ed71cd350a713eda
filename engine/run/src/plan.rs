//! What will be done and why, as data.

use engine_language::graph::NodeId;
use std::collections::BTreeSet;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// An input's data changed, or may have.
    Input(NodeId),
    /// It says something else each time.
    Volatile,
    /// The user asked for it to be made anew.
    Asked,
    /// Nothing changed; it will be reused.
    Unchanged,
}
