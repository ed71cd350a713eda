//! Which runs are at work, and which wait to be.

use crate::schedule::admission::{Candidate, Room, admit};
use std::collections::BTreeMap;

/// The runs at work, by id, and those that wait.
#[derive(Debug, Default)]
pub struct InFlight {
    working: BTreeMap<String, Candidate<String>>,
    queue: Vec<Candidate<String>>,
}

impl InFlight {
    /// Admits those of the waiting that may begin, and answers their keys; the others wait on, in front of all that come
    /// later. In one step, so that no other run is admitted in between.
    pub fn admit(&mut self, waiting: Vec<Candidate<String>>, room: &Room) -> Vec<String> {
        let working: Vec<Candidate<String>> = self.working.values().cloned().collect();
        let admitted = admit(waiting.clone(), &working, room);
        self.queue.clear();
        for candidate in waiting {
            if admitted.contains(&candidate.key) {
                self.enter(candidate);
            } else {
                self.queue.push(candidate);
            }
        }
        admitted
    }

    /// Admits one run unless it has to wait for those at work or in the queue; answers whether it was admitted.
    pub fn squeeze_in(&mut self, candidate: Candidate<String>, room: &Room) -> bool {
        let working: Vec<Candidate<String>> = self.working.values().cloned().collect();
        let waiting = self.queue.iter().chain([&candidate]).cloned().collect();
        let fits = admit(waiting, &working, room).contains(&candidate.key);
        if fits {
            self.enter(candidate);
        }
        fits
    }

    fn enter(&mut self, candidate: Candidate<String>) {
        self.working.insert(candidate.key.clone(), candidate);
    }

    /// It is done.
    pub fn leave(&mut self, key: &str) {
        self.working.remove(key);
    }
}
