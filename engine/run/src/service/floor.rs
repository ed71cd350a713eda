//! Who is at work, and who waits in front of the door.

use crate::schedule::admit::{Candidate, Room, admit};
use std::collections::BTreeMap;

/// The runs at work, by id, and those that wait.
#[derive(Debug, Default)]
pub struct Floor {
    working: BTreeMap<String, Candidate<String>>,
    queue: Vec<Candidate<String>>,
}

impl Floor {
    /// Lets those of the waiting in that may begin, and answers their keys; the others wait on, in front of all that come
    /// later. In one step, so that nobody squeezes in between.
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

    /// Lets one in that nobody in the queue has to wait for; answers whether it is in.
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
