//! What is at work now, for those who show it.

use super::fan_out::Work;
use crate::{
    event::Event,
    report::{NodeReport, Status},
    schedule::record::Job,
};
use engine_connect::hub::topics::Lag;
use engine_language::graph::NodeId;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};
use tokio_util::sync::CancellationToken;

/// The runs at work.
#[derive(Debug, Default)]
pub struct Live(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<String, LiveRun>,
    looks: BTreeMap<String, Look>,
    behind: BTreeMap<String, u64>,
}

/// A run at work.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// What it is.
    pub work: Work,
    /// When it began, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// How many steps it has.
    pub steps: usize,
    /// Its nodes, as far as they have begun.
    pub nodes: BTreeMap<NodeId, LiveNode>,
    /// Whether it has begun, as far as others are told.
    told: bool,
    cancel: CancellationToken,
    cancelled_by: Option<String>,
}

/// A node of a run at work.
#[derive(Clone, Debug)]
pub struct LiveNode {
    /// The word for what is done, such as `Replicating`.
    pub doing: &'static str,
    /// When it began, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// Rows so far.
    pub rows: u64,
    /// Rows in all, if known.
    pub of_rows: Option<u64>,
    /// How often it was tried again.
    pub retries: u32,
    /// How it ended, if it has.
    pub status: Option<Status>,
}

/// What came of looking at a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// When something came the last time.
    pub came_us: Option<i64>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    pub(super) fn runs(&self) -> Vec<LiveRun> {
        self.state().runs.values().filter(|run| run.told).cloned().collect()
    }

    pub(super) fn look(&self, schedule: &str) -> Option<Look> {
        self.state().looks.get(schedule).cloned()
    }

    pub(super) fn behind(&self) -> BTreeMap<String, u64> {
        self.state().behind.clone()
    }

    pub(super) fn begin(&self, work: Work, started_us: i64, cancel: CancellationToken) {
        let run = work.run.clone();
        let (steps, nodes) = (0, BTreeMap::new());
        let live = LiveRun { work, started_us, steps, nodes, told: false, cancel, cancelled_by: None };
        self.state().runs.insert(run, live);
    }

    /// It ended; answers who cancelled it, if somebody did.
    pub(super) fn end(&self, run: &str) -> Option<String> {
        self.state().runs.remove(run)?.cancelled_by
    }

    /// Cancels a run; false if it is not at work.
    pub(super) fn cancel(&self, run: &str, who: &str) -> bool {
        let mut state = self.state();
        let Some(live) = state.runs.get_mut(run) else { return false };
        live.cancelled_by = Some(who.to_owned());
        live.cancel.cancel();
        true
    }

    /// Cancels all runs.
    pub(super) fn cancel_all(&self) {
        self.state().runs.values().for_each(|live| live.cancel.cancel());
    }

    pub(super) fn looked(&self, schedule: &str, at_us: i64, came: bool, failed: Option<String>) {
        let mut state = self.state();
        let before = state.looks.get(schedule).and_then(|look| look.came_us);
        let look = Look { at_us, came_us: if came { Some(at_us) } else { before }, failed };
        state.looks.insert(schedule.to_owned(), look);
    }

    pub(super) fn hear(&self, run: &str, at_us: i64, event: &Event) {
        let mut state = self.state();
        if let Event::Lag { node, partitions } = event {
            state.behind.insert(node.to_string(), total(partitions));
        }
        if let Event::StepFinished(report) = event
            && let Some(lag) = &report.lag
        {
            state.behind.insert(report.node.to_string(), total(lag));
        }
        if let Some(live) = state.runs.get_mut(run) {
            live.hear(at_us, event);
        }
    }
}

fn total(lag: &Lag) -> u64 {
    lag.values().sum()
}

impl LiveRun {
    /// The job that it is for.
    pub fn job(&self) -> Option<&Job> {
        self.work.job.as_ref()
    }

    fn hear(&mut self, at_us: i64, event: &Event) {
        match event {
            Event::RunStarted { steps, .. } => (self.steps, self.told) = (*steps, true),
            Event::StepStarted { node, doing } => {
                let (rows, of_rows, retries, status) = (0, None, 0, None);
                let live = LiveNode { doing, started_us: at_us, rows, of_rows, retries, status };
                self.nodes.insert(node.clone(), live);
            }
            Event::StepProgress { node, rows, of_rows, .. } => {
                if let Some(live) = self.nodes.get_mut(node) {
                    (live.rows, live.of_rows) = (*rows, *of_rows);
                }
            }
            Event::StepRetried { node, .. } => {
                if let Some(live) = self.nodes.get_mut(node) {
                    live.retries += 1;
                }
            }
            Event::StepFinished(report) => self.finish(report),
            _ => {}
        }
    }

    fn finish(&mut self, report: &NodeReport) {
        let begun = LiveNode {
            doing: report.done,
            started_us: report.started_us,
            rows: 0,
            of_rows: None,
            retries: 0,
            status: None,
        };
        let live = self.nodes.entry(report.node.clone()).or_insert(begun);
        live.status = Some(report.status);
        live.rows = report.rows.unwrap_or(live.rows);
    }
}
