//! Which runs are at work, and which wait to be.

use super::{
    admission::{Candidate, Room, admit},
    record::Job,
};
use engine_language::name::Name;
use std::collections::BTreeMap;

/// What a run is known by among those at work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunKey {
    /// The run of a job.
    Job(i64),
    /// One more look at the streams of a `continuous` schedule.
    Continuous(Name),
}

impl From<&Job> for RunKey {
    fn from(job: &Job) -> Self {
        Self::Job(job.id)
    }
}

/// The runs at work, and those that wait.
#[derive(Debug, Default)]
pub struct InFlight {
    working: BTreeMap<RunKey, Candidate<RunKey>>,
    queue: Vec<Candidate<RunKey>>,
}

impl InFlight {
    /// Admits those of the waiting that may begin, and answers their keys; the others wait on, in front of all that come
    /// later. In one step, so that no other run is admitted in between.
    pub fn admit(&mut self, waiting: Vec<Candidate<RunKey>>, room: &Room) -> Vec<RunKey> {
        let working: Vec<Candidate<RunKey>> = self.working.values().cloned().collect();
        let admitted = admit(waiting.clone(), &working, room);
        self.queue.clear();
        for candidate in waiting {
            if admitted.contains(&candidate.key) {
                self.working.insert(candidate.key.clone(), candidate);
            } else {
                self.queue.push(candidate);
            }
        }
        admitted
    }

    /// Admits one run unless it has to wait for those at work or in the queue; answers whether it was admitted.
    pub fn admit_one(&mut self, candidate: Candidate<RunKey>, room: &Room) -> bool {
        let working: Vec<Candidate<RunKey>> = self.working.values().cloned().collect();
        let waiting = self.queue.iter().chain([&candidate]).cloned().collect();
        let fits = admit(waiting, &working, room).contains(&candidate.key);
        if fits {
            self.working.insert(candidate.key.clone(), candidate);
        }
        fits
    }

    /// Makes room: the run is over, or did not begin.
    pub fn remove(&mut self, key: &RunKey) {
        self.working.remove(key);
    }

    /// Whether a run is at work.
    pub fn contains(&self, key: &RunKey) -> bool {
        self.working.contains_key(key)
    }
}
