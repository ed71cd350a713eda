//! What depends on what.

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
