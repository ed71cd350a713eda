//! What depends on what.

mod build;
mod clashes;
mod cycle;
mod known;
mod replications;
mod resolve;
mod writers;

pub(crate) use build::{build, unknown_reads};

use crate::{files::Span, name::Name};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A node's identity: its kind and its name. `model.mart_average_check`, `source.shop.orders`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// What it is.
    pub kind: NodeKind,
    /// `mart_average_check`, `shop.orders`, `replica.orders`.
    pub name: Name,
}

impl NodeId {
    /// Puts the two together.
    pub fn new(kind: NodeKind, name: impl Into<Name>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.word(), self.name)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// Synthetic rows; named as in `generators.toml`.
    Generator,
    /// A table outside; `source.table`.
    Source,
    /// A small table kept with the code.
    Seed,
    /// A copied table; `replication.table`.
    Replication,
    /// A model.
    Model,
    /// A singular test.
    Test,
}

impl NodeKind {
    /// The word that users know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Replication => "replication",
            Self::Model => "model",
            Self::Test => "test",
        }
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its identity.
    pub id: NodeId,
    /// Where it is declared.
    pub span: Option<Span>,
    /// For `tag:x`.
    pub tags: Vec<String>,
    /// For `path:models/x`, relative to `project/`.
    pub path: Option<String>,
}

/// The nodes and their edges. It has no cycle: edges that would close one are left out and complained of.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// All nodes.
    pub nodes: BTreeMap<NodeId, Node>,
    /// What each node reads.
    pub parents: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// What reads each node.
    pub children: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl Graph {
    /// All nodes, each after what it reads; among equals, by name.
    pub fn order(&self) -> Vec<NodeId> {
        let mut missing: BTreeMap<&NodeId, usize> =
            self.nodes.keys().map(|id| (id, self.parents.get(id).map_or(0, BTreeSet::len))).collect();
        let mut ready: BTreeSet<&NodeId> = missing.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(id) = ready.pop_first() {
            order.push(id.clone());
            for child in self.children.get(id).into_iter().flatten() {
                if let Some(n) = missing.get_mut(child) {
                    *n -= 1;
                    if *n == 0 {
                        ready.insert(child);
                    }
                }
            }
        }
        order
    }

    /// What a node reads, directly or not, up to so many steps away; without the node itself.
    pub fn ancestors(&self, id: &NodeId, steps: Option<usize>) -> BTreeSet<NodeId> {
        reach(&self.parents, id, steps)
    }

    /// What reads a node, directly or not, up to so many steps away; without the node itself.
    pub fn descendants(&self, id: &NodeId, steps: Option<usize>) -> BTreeSet<NodeId> {
        reach(&self.children, id, steps)
    }

    /// Adds a node, unless it is there.
    pub(crate) fn add(&mut self, node: Node) {
        self.nodes.entry(node.id.clone()).or_insert(node);
    }

    /// Says that `child` reads `parent`.
    pub(crate) fn connect(&mut self, parent: &NodeId, child: &NodeId) {
        self.parents.entry(child.clone()).or_default().insert(parent.clone());
        self.children.entry(parent.clone()).or_default().insert(child.clone());
    }

    /// Takes that back.
    pub(crate) fn disconnect(&mut self, parent: &NodeId, child: &NodeId) {
        self.parents.entry(child.clone()).or_default().remove(parent);
        self.children.entry(parent.clone()).or_default().remove(child);
    }
}

fn reach(edges: &BTreeMap<NodeId, BTreeSet<NodeId>>, id: &NodeId, steps: Option<usize>) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    let mut front = vec![id];
    let mut left = steps.unwrap_or(usize::MAX);
    while left > 0 && !front.is_empty() {
        left -= 1;
        let next = front.iter().flat_map(|id| edges.get(*id).into_iter().flatten());
        front = next.filter(|next| *next != id && found.insert((*next).clone())).collect();
    }
    found
}
