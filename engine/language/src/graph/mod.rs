//! What depends on what.

pub(crate) mod cycle;

pub use crate::id::{NodeId, NodeKind};

use crate::{files::Span, name::Name};
use std::collections::{BTreeMap, BTreeSet};

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

impl Node {
    /// A node of which no more is known than where it is declared.
    pub(crate) fn new(id: NodeId, span: Option<Span>) -> Self {
        Self { id, span, tags: vec![], path: None }
    }
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

    /// What a node reads, directly or not; without the node itself.
    pub fn ancestors(&self, id: &NodeId) -> BTreeSet<NodeId> {
        self.all_ancestors(&BTreeSet::from([id.clone()]), None)
    }

    /// What reads a node, directly or not; without the node itself.
    pub fn descendants(&self, id: &NodeId) -> BTreeSet<NodeId> {
        self.all_descendants(&BTreeSet::from([id.clone()]), None)
    }

    /// What some nodes read, directly or not, up to so many steps away; without the nodes themselves.
    pub fn all_ancestors(&self, ids: &BTreeSet<NodeId>, steps: Option<usize>) -> BTreeSet<NodeId> {
        reach(&self.parents, ids, steps)
    }

    /// What reads some nodes, directly or not, up to so many steps away; without the nodes themselves.
    pub fn all_descendants(&self, ids: &BTreeSet<NodeId>, steps: Option<usize>) -> BTreeSet<NodeId> {
        reach(&self.children, ids, steps)
    }

    /// The node whose rows a name means: a model, a seed, a copied table or a source's table.
    pub fn find_rows(&self, name: &str) -> Option<NodeId> {
        let rows = |id: &NodeId| !matches!(id, NodeId::Generator(_) | NodeId::Test(_));
        NodeId::named(name).filter(rows).find(|id| self.nodes.contains_key(id))
    }

    /// The tables that a replication copies.
    pub fn copies<'a>(&'a self, replication: &'a Name) -> impl Iterator<Item = &'a Name> {
        let first = NodeId::Copy { replication: replication.clone(), table: Name::new("") };
        let copies = self.nodes.range(first..).map_while(|(id, _)| id.copied());
        copies.take_while(move |(of, _)| *of == replication).map(|(_, table)| table)
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

fn reach(edges: &BTreeMap<NodeId, BTreeSet<NodeId>>, ids: &BTreeSet<NodeId>, steps: Option<usize>) -> BTreeSet<NodeId> {
    let mut found: BTreeSet<&NodeId> = BTreeSet::new();
    let mut front: Vec<&NodeId> = ids.iter().collect();
    let mut left = steps.unwrap_or(usize::MAX);
    while left > 0 && !front.is_empty() {
        left -= 1;
        let next = front.iter().flat_map(|id| edges.get(*id).into_iter().flatten());
        front = next.filter(|next| !ids.contains(*next) && found.insert(*next)).collect();
    }
    found.into_iter().cloned().collect()
}
