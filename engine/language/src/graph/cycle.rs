//! Cycles: each is found, told by its whole path, and opened.

use super::{Graph, Node, NodeId};
use crate::{code, diagnostic::Diagnostic, files::Span};
use std::collections::{BTreeMap, BTreeSet};

/// Where each edge, child to parent, was written.
pub(crate) type Places = BTreeMap<(NodeId, NodeId), Span>;

/// Removes edges until there is no cycle, and says so for each.
pub(crate) fn open(graph: &mut Graph, places: &Places) -> Vec<Diagnostic> {
    let mut problems = vec![];
    let mut done = BTreeSet::new();
    let nodes: Vec<NodeId> = graph.nodes.keys().cloned().collect();
    for start in &nodes {
        while let Some(path) = find(graph, start, &mut done) {
            problems.push(describe(graph, &path, places));
            let last = path.last().expect("a cycle has a node");
            graph.disconnect(&path[0], last);
        }
    }
    problems
}

/// Cycles through the tables of a replication, which are copied together: none of them can wait for another.
pub(crate) fn through_replications(graph: &Graph, places: &Places) -> Vec<Diagnostic> {
    let (mut whole, mut whole_places) = (Graph::default(), Places::new());
    for (child, parents) in &graph.parents {
        for parent in parents {
            let (from, to) = (together(parent), together(child));
            if let Some(span) = places.get(&(child.clone(), parent.clone())) {
                whole_places.entry((to.clone(), from.clone())).or_insert(*span);
            }
            if from != to {
                whole.nodes.extend([&from, &to].map(|id| (id.clone(), Node::new(id.clone(), None))));
                whole.connect(&from, &to);
            }
        }
    }
    let hint = "the tables of a replication are copied together, as of one instant: copy what a model writes by a replication of its own";
    open(&mut whole, &whole_places)
        .into_iter()
        .map(|problem| Diagnostic { hints: vec![hint.into()], ..problem })
        .collect()
}

/// What stands for a node where the tables of a replication are one.
fn together(id: &NodeId) -> NodeId {
    match id {
        NodeId::Copy { replication, .. } => NodeId::copy(replication.clone(), "*"),
        other => other.clone(),
    }
}

/// A cycle that can be reached from a node, as a path in which each reads the next and the last reads the first.
fn find(graph: &Graph, start: &NodeId, done: &mut BTreeSet<NodeId>) -> Option<Vec<NodeId>> {
    if done.contains(start) {
        return None;
    }
    let parents = |id: &NodeId| graph.parents.get(id).into_iter().flatten().cloned().collect::<Vec<_>>().into_iter();
    let mut path = vec![start.clone()];
    let mut on_path = BTreeSet::from([start.clone()]);
    let mut todo = vec![parents(start)];
    while let Some(next) = todo.last_mut() {
        match next.next() {
            Some(id) if on_path.contains(&id) => {
                let from = path.iter().position(|known| *known == id).expect("what is on the path has a place there");
                return Some(path.split_off(from));
            }
            Some(id) if done.contains(&id) => {}
            Some(id) => {
                todo.push(parents(&id));
                on_path.insert(id.clone());
                path.push(id);
            }
            None => {
                todo.pop();
                let id = path.pop().expect("the path is as long as the list of what is left to do");
                on_path.remove(&id);
                done.insert(id);
            }
        }
    }
    None
}

fn describe(graph: &Graph, path: &[NodeId], places: &Places) -> Diagnostic {
    let smallest = (0..path.len()).min_by_key(|i| &path[*i]).unwrap_or(0);
    let mut path = path.to_vec();
    path.rotate_left(smallest);
    let names: Vec<_> = path.iter().chain(path.first()).map(NodeId::name).collect();
    let place = |i: usize| {
        let next = (i + 1) % path.len();
        places.get(&(path[i].clone(), path[next].clone())).copied()
    };
    let span = place(0).or_else(|| graph.nodes.get(&path[0]).and_then(|node| node.span));
    let reads = |i: usize| format!("`{}` reads `{}`", names[i], names[i + 1]);
    let message = format!("these depend on each other: {}", names.join(" → "));
    let mut diagnostic =
        Diagnostic::error(&code::E0424, span, message).label(reads(0)).hint("one of them has to do without the other");
    for i in 1..path.len() {
        if let Some(span) = place(i) {
            diagnostic = diagnostic.also(span, reads(i));
        }
    }
    diagnostic
}
