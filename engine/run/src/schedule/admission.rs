//! Which of the runs that wait may begin.

use engine_language::{graph::NodeId, name::Name};
use std::collections::{BTreeMap, BTreeSet};

/// What a run makes and touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The nodes that it makes.
    pub nodes: BTreeSet<NodeId>,
    /// The connections that it reads or writes.
    pub connections: BTreeSet<Name>,
}

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Somebody waits for it.
    Hand,
    /// Its time has come.
    Due,
    /// An interval of the past.
    Backfill,
    /// One more look at a stream. It does not count as a run, and gives way to all others.
    Continuous,
}

/// A run that waits, or one at work.
#[derive(Clone, Debug)]
pub struct Candidate<K> {
    /// What the caller knows it by.
    pub key: K,
    /// Its schedule; one of a schedule is at work at a time.
    pub schedule: Option<Name>,
    /// Who goes first.
    pub rank: Rank,
    /// Since when it waits.
    pub due_us: i64,
    /// What it makes and touches.
    pub footprint: Footprint,
}

/// How many runs there may be at once.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// In all.
    pub runs: usize,
    /// Of those that touch a connection.
    pub by_connection: BTreeMap<Name, usize>,
}

/// The waiting runs that may begin, in order. Two runs that make the same node are never at work together; a run that
/// has to wait for that keeps later ones from overtaking it.
pub fn admit<K: Clone>(mut waiting: Vec<Candidate<K>>, working: &[Candidate<K>], room: &Room) -> Vec<K> {
    waiting.sort_by_key(|candidate| (candidate.rank, candidate.due_us));
    let mut taken = Taken::default();
    for candidate in working {
        taken.add(candidate);
    }
    let mut admitted = vec![];
    for candidate in &waiting {
        if taken.fits(candidate, room) {
            taken.add(candidate);
            admitted.push(candidate.key.clone());
        } else {
            taken.nodes.extend(&candidate.footprint.nodes);
        }
    }
    admitted
}

/// What is at work or waits in front.
#[derive(Default)]
struct Taken<'a> {
    runs: usize,
    schedules: BTreeSet<&'a Name>,
    nodes: BTreeSet<&'a NodeId>,
    connections: BTreeMap<&'a Name, usize>,
}

impl<'a> Taken<'a> {
    fn add<K>(&mut self, candidate: &'a Candidate<K>) {
        self.runs += usize::from(candidate.rank != Rank::Continuous);
        self.schedules.extend(&candidate.schedule);
        self.nodes.extend(&candidate.footprint.nodes);
        for connection in &candidate.footprint.connections {
            *self.connections.entry(connection).or_default() += 1;
        }
    }

    fn fits<K>(&self, candidate: &Candidate<K>, room: &Room) -> bool {
        let crowded = |name: &Name| {
            let most = room.by_connection.get(name);
            most.is_some_and(|most| self.connections.get(name).is_some_and(|now| now >= most))
        };
        (self.runs < room.runs || candidate.rank == Rank::Continuous)
            && candidate.schedule.as_ref().is_none_or(|name| !self.schedules.contains(name))
            && candidate.footprint.nodes.iter().all(|node| !self.nodes.contains(node))
            && !candidate.footprint.connections.iter().any(crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Footprint, Rank, Room, admit};
    use engine_language::{graph::NodeId, name::Name};

    fn run(key: u32, schedule: &str, rank: Rank, nodes: &[&str], connection: &str) -> Candidate<u32> {
        let nodes = nodes.iter().map(|name| NodeId::Model((*name).into())).collect();
        let footprint = Footprint { nodes, connections: [Name::new(connection)].into() };
        let schedule = Some(schedule).filter(|name| !name.is_empty()).map(Name::new);
        Candidate { key, schedule, rank, due_us: i64::from(key), footprint }
    }

    fn room(runs: usize) -> Room {
        Room { runs, by_connection: [(Name::new("narrow"), 1)].into() }
    }

    #[test]
    fn one_of_a_schedule_and_one_of_a_node_are_at_work() {
        let working = [run(1, "a", Rank::Due, &["x"], "db")];
        let waiting = vec![
            run(2, "a", Rank::Due, &["y"], "db"),
            run(3, "b", Rank::Due, &["x"], "db"),
            run(4, "c", Rank::Due, &["z"], "db"),
        ];
        assert_eq!(admit(waiting, &working, &room(9)), [4]);
    }

    #[test]
    fn people_go_first_and_streams_last() {
        let waiting = vec![
            run(1, "s", Rank::Continuous, &["s"], "db"),
            run(2, "b", Rank::Backfill, &["b"], "db"),
            run(3, "d", Rank::Due, &["d"], "db"),
            run(4, "", Rank::Hand, &["h"], "db"),
        ];
        assert_eq!(admit(waiting.clone(), &[], &room(9)), [4, 3, 2, 1]);
        assert_eq!(admit(waiting, &[], &room(2)), [4, 3, 1], "a stream is no run");
    }

    #[test]
    fn nobody_overtakes_who_waits_for_the_same_node() {
        let working = [run(1, "a", Rank::Due, &["x"], "db")];
        let waiting = vec![run(2, "", Rank::Hand, &["x", "s"], "db"), run(3, "s", Rank::Continuous, &["s"], "db")];
        assert_eq!(admit(waiting, &working, &room(9)), [0; 0]);
    }

    #[test]
    fn a_connection_has_a_limit_of_its_own() {
        let waiting = vec![run(1, "a", Rank::Due, &["a"], "narrow"), run(2, "b", Rank::Due, &["b"], "narrow")];
        assert_eq!(admit(waiting, &[], &room(9)), [1]);
    }
}
