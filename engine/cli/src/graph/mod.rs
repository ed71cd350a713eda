//! A part of a project's graph as text, Graphviz, Mermaid, SVG and JSON.

pub mod node;
pub mod svg;

use crate::terminal::Style;
use engine_language::{graph::NodeId, project::Project};
use std::collections::{BTreeMap, BTreeSet};

/// A part of a project's graph.
pub struct Subgraph<'a> {
    /// The project.
    pub project: &'a Project,
    /// The nodes that are drawn.
    pub selected: &'a BTreeSet<NodeId>,
}

impl<'a> Subgraph<'a> {
    /// The nodes, each after what it reads.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.project.graph.order().into_iter().filter(|id| self.selected.contains(id)).collect()
    }

    /// What a node reads, of what is drawn.
    pub fn reads(&self, id: &NodeId) -> Vec<&'a NodeId> {
        let parents = self.project.graph.parents.get(id).into_iter().flatten();
        parents.filter(|parent| self.selected.contains(*parent)).collect()
    }

    /// For a terminal: a line a node.
    pub fn text(&self, colour: bool) -> String {
        let nodes = self.nodes();
        let width = nodes.iter().map(|id| id.name().chars().count()).max().unwrap_or(0).min(40);
        let mut text = String::new();
        for id in &nodes {
            let reads: Vec<_> = self.reads(id).iter().map(|id| id.name()).collect();
            let reads = if reads.is_empty() { String::new() } else { format!("  <- {}", reads.join(", ")) };
            let name = format!("{:<width$}", id.name());
            let line = format!("{:<12}{name}{}", id.kind().word(), Style::Dim.paint(colour, &reads));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// For Graphviz.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph engine {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        for id in self.nodes() {
            text.extend([format!("  {} [label={}];\n", quoted(&id.to_string()), quoted(&id.name()))]);
            for parent in self.reads(&id) {
                text.extend([format!("  {} -> {};\n", quoted(&parent.to_string()), quoted(&id.to_string()))]);
            }
        }
        text.push_str("}\n");
        text
    }

    /// For Markdown.
    pub fn mermaid(&self) -> String {
        let nodes = self.nodes();
        let numbers: BTreeMap<&NodeId, usize> = nodes.iter().enumerate().map(|(at, id)| (id, at)).collect();
        let number = |id: &NodeId| numbers[id];
        let mut text = String::from("flowchart LR\n");
        for id in &nodes {
            let label = id.name().replace('"', "#quot;");
            text.extend([format!("  n{}[\"{label}\"]\n", number(id))]);
        }
        for id in &nodes {
            for parent in self.reads(id) {
                text.extend([format!("  n{} --> n{}\n", number(parent), number(id))]);
            }
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let nodes = self.nodes();
        let nodes = nodes.iter().map(|id| node::described(self.project, &self.project.graph.nodes[id]));
        format!("{:#}\n", serde_json::Value::from(nodes.collect::<Vec<_>>()))
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
