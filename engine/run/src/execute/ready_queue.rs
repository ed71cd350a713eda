//! Which steps of a plan can begin, and which will not because one before them failed. Each step and edge is looked at once.

use crate::{
    plan::Plan,
    report::{NodeReport, Status},
};
use engine_language::id::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// The steps of a plan that is being executed.
pub struct ReadyQueue<'a> {
    plan: &'a Plan,
    states: Vec<State>,
    /// How many steps each step still waits for.
    waits: Vec<usize>,
    /// The steps that wait for each step.
    behind: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    /// Failed steps whose dependents have not been skipped yet.
    failures: Vec<usize>,
    /// Steps that are not done.
    open: usize,
    /// The node that failed first on the way to each step that failed or was skipped.
    culprits: BTreeMap<usize, NodeId>,
    /// What became of the nodes so far.
    pub reports: Vec<NodeReport>,
    /// Whether a node failed.
    pub failed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Working,
    Done,
    Failed,
}

impl<'a> ReadyQueue<'a> {
    /// No step has begun.
    pub fn new(plan: &'a Plan) -> Self {
        let waits: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let mut behind = vec![vec![]; plan.steps.len()];
        for (at, step) in plan.steps.iter().enumerate() {
            step.after.iter().for_each(|before| behind[*before].push(at));
        }
        Self {
            plan,
            states: vec![State::Waiting; plan.steps.len()],
            ready: (0..waits.len()).filter(|at| waits[*at] == 0).collect(),
            waits,
            behind,
            failures: vec![],
            open: plan.steps.len(),
            culprits: BTreeMap::new(),
            reports: vec![],
            failed: false,
        }
    }

    /// Whether every step is done, failed or skipped.
    pub fn all_done(&self) -> bool {
        self.open == 0
    }

    /// The first step that can begin; it is then at work.
    pub fn next_ready(&mut self) -> Option<usize> {
        let at = self.ready.pop_first()?;
        self.states[at] = State::Working;
        Some(at)
    }

    /// Takes note of what became of a step.
    pub fn finish(&mut self, at: usize, reports: Vec<NodeReport>) {
        let bad = reports.iter().any(|report| matches!(report.status, Status::Failed | Status::Skipped));
        self.failed |= reports.iter().any(|report| report.status == Status::Failed);
        self.open -= 1;
        if bad {
            let failed = reports.iter().find(|report| report.status == Status::Failed);
            let culprit = failed.map_or_else(|| self.plan.steps[at].nodes[0].clone(), |report| report.node.clone());
            self.states[at] = State::Failed;
            self.culprits.insert(at, culprit);
            self.failures.push(at);
        } else {
            self.done(at);
        }
        self.reports.extend(reports);
    }

    fn done(&mut self, at: usize) {
        self.states[at] = State::Done;
        for after in &self.behind[at] {
            self.waits[*after] -= 1;
            if self.waits[*after] == 0 && self.states[*after] == State::Waiting {
                self.ready.insert(*after);
            }
        }
    }

    /// The reports of steps that will not begin because one before them failed, in the plan's order.
    pub fn skip_broken(&mut self, now_us: i64) -> Vec<NodeReport> {
        let mut skipped = BTreeSet::new();
        while let Some(failed) = self.failures.pop() {
            let culprit = self.culprits[&failed].clone();
            for after in self.behind[failed].clone() {
                if self.states[after] == State::Waiting {
                    self.states[after] = State::Failed;
                    self.culprits.insert(after, culprit.clone());
                    self.failures.push(after);
                    skipped.insert(after);
                }
            }
        }
        let why = |queue: &Self, at: usize| format!("upstream {} failed", queue.culprits[&at].name());
        self.skip(skipped, &why, now_us)
    }

    /// The reports of all steps that have not begun, because the run stops.
    pub fn skip_all(&mut self, now_us: i64) -> Vec<NodeReport> {
        let left: BTreeSet<usize> = (0..self.states.len()).filter(|at| self.states[*at] == State::Waiting).collect();
        for at in &left {
            self.states[*at] = State::Failed;
        }
        self.ready.clear();
        self.skip(left, &|_, _| "stopped".to_owned(), now_us)
    }

    fn skip(&mut self, steps: BTreeSet<usize>, why: &dyn Fn(&Self, usize) -> String, now_us: i64) -> Vec<NodeReport> {
        self.open -= steps.len();
        let mut reports = vec![];
        for at in steps {
            for node in &self.plan.steps[at].nodes {
                let mut report = NodeReport::new(node.clone(), Status::Skipped, now_us);
                report.note = Some(why(self, at));
                reports.push(report);
            }
        }
        self.reports.extend(reports.iter().cloned());
        reports
    }
}
