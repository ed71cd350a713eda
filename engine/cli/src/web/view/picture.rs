//! Pictures of the graph, each drawn once for a reading of the project.

use super::{Data, node, node_link};
use crate::{
    graph::Subgraph,
    graph::svg::{self, Boxed},
};
use engine_language::graph::NodeId;
use engine_run::service::Reading;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// More pictures than this are not kept.
const MOST: usize = 32;
/// Stands for a node's state in a picture that is kept, because states change and places do not.
const STATE: &str = "state-of-";

/// Pictures by what they show.
#[derive(Debug, Default)]
pub struct Pictures(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    read_us: i64,
    pictures: BTreeMap<Vec<NodeId>, String>,
}

impl Pictures {
    /// The picture of these nodes, each with its state.
    pub fn picture(&self, reading: &Reading, nodes: &BTreeSet<NodeId>, states: &BTreeMap<NodeId, String>) -> String {
        let drawn = self.drawn(reading, nodes);
        let order: Vec<&NodeId> = nodes.iter().collect();
        let mut parts = drawn.split(STATE);
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (number, rest) = part.split_once('.').unwrap_or((part, ""));
            let id = number.parse::<usize>().ok().and_then(|i| order.get(i));
            text.push_str(id.and_then(|id| states.get(*id)).map_or("never", String::as_str));
            text.push_str(rest);
        }
        text
    }

    fn drawn(&self, reading: &Reading, nodes: &BTreeSet<NodeId>) -> String {
        let key: Vec<NodeId> = nodes.iter().cloned().collect();
        let mut kept = self.0.lock().expect("no holder of this lock panics");
        if kept.read_us != reading.read_us {
            *kept = Kept { read_us: reading.read_us, pictures: BTreeMap::new() };
        }
        if let Some(text) = kept.pictures.get(&key) {
            return text.clone();
        }
        let drawn = Subgraph { project: &reading.project, selected: nodes };
        let boxed = |id: &NodeId| {
            let i = key.iter().position(|other| other == id)?;
            Some(Boxed { class: format!("{STATE}{i}."), href: node_link::url(&reading.project, id) })
        };
        let text = svg::linked(&drawn, &boxed);
        if kept.pictures.len() >= MOST {
            kept.pictures.clear();
        }
        kept.pictures.insert(key, text.clone());
        text
    }
}

/// How each node ended the last time.
pub fn states(data: &Data, wanted: &BTreeSet<NodeId>) -> BTreeMap<NodeId, String> {
    let working = node::working(data);
    let state = |id: &NodeId| {
        if working.contains(id) {
            return Some("running".to_owned());
        }
        data.records.last_of_node(&id.to_string()).ok().flatten().map(|run| run.status)
    };
    wanted.iter().filter_map(|id| Some((id.clone(), state(id)?))).collect()
}
