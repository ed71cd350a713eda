//! What still has to be built and tested: it stays until a run has done it, however many saves overtake that run.

use super::changed::Changed;
use engine_language::{graph::NodeId, name::Name, project::Project};
use engine_run::report::{Report, Status};
use std::collections::BTreeSet;

/// Nodes to build and models to test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Nodes.
    pub nodes: BTreeSet<NodeId>,
    /// Models.
    pub tests: BTreeSet<Name>,
}

impl Pending {
    /// Adds what a save changed, and forgets what is no longer in the project.
    pub fn add(&mut self, changed: Changed, project: &Project) {
        self.nodes.extend(changed.nodes);
        self.tests.extend(changed.tests);
        self.nodes.retain(|id| project.graph.nodes.contains_key(id));
        self.tests.retain(|name| project.models.contains_key(name));
    }

    /// What a run does about it: with all that reads it, and within what the user wanted.
    pub fn work(&self, project: &Project, wanted: &BTreeSet<NodeId>) -> Self {
        let below = project.graph.all_descendants(&self.nodes, None);
        let nodes = self.nodes.iter().cloned().chain(below).filter(|id| wanted.contains(id)).collect();
        let tests = self.tests.iter().filter(|name| wanted.contains(&model(name)));
        Self { nodes, tests: tests.cloned().collect() }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.tests.is_empty()
    }

    /// A run of these nodes ended by itself: what failed stays to be built.
    pub fn built(&mut self, nodes: &BTreeSet<NodeId>, report: &Report) {
        self.nodes.retain(|id| !nodes.contains(id));
        self.nodes.extend(broken(report).cloned());
    }

    /// These models were tested.
    pub fn tested(&mut self, tests: &BTreeSet<Name>) {
        self.tests.retain(|name| !tests.contains(name));
    }
}

/// The model of a name.
pub fn model(name: &Name) -> NodeId {
    NodeId::Model(name.clone())
}

/// Nodes that a run could not make.
pub fn broken(report: &Report) -> impl Iterator<Item = &NodeId> {
    let broken = |status| matches!(status, Status::Failed | Status::Skipped);
    report.nodes.iter().filter(move |node| broken(node.status)).map(|node| &node.node)
}
