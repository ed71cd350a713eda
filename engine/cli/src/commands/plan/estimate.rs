//! How much a run would move and how long it would take, from what earlier runs did.

use super::changes::Change;
use crate::exit_status::Result;
use engine_language::{graph::NodeId, project::Project};
use engine_run::{
    history::History,
    plan::{Action, Plan, Why},
};
use std::{collections::BTreeMap, time::Duration};

/// What a run would move, as far as earlier runs tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Rows that would be written.
    pub rows: u64,
    /// How long it would take.
    pub took: Duration,
    /// Nodes of which nothing is known.
    pub unknown: usize,
    /// Nodes of which something is known.
    pub known: usize,
}

/// Adds up what each node's last success moved and took. Steps run beside each other as far as the project allows.
pub fn estimate(
    project: &Project,
    history: &History,
    plan: &Plan,
    changes: &BTreeMap<NodeId, Change>,
) -> Result<Estimate> {
    let target = project.target.as_str();
    let mut estimate = Estimate::default();
    let mut total = Duration::ZERO;
    let mut ends: Vec<Duration> = vec![];
    for step in &plan.steps {
        let mut longest = Duration::ZERO;
        for node in step.nodes.iter().filter(|_| step.why != Why::Unchanged && step.action != Action::Test) {
            let rows = changes.get(node).and_then(|change| change.rows_now);
            let rows = rows.or(history.built(target, node)?.and_then(|built| built.rows));
            match (rows, history.made(target, node)?.took) {
                (Some(rows), Some(took)) => {
                    estimate.rows += rows;
                    estimate.known += 1;
                    longest = longest.max(took);
                }
                _ => estimate.unknown += 1,
            }
        }
        total += longest;
        let begins = step.after.iter().filter_map(|before| ends.get(*before)).max().copied().unwrap_or_default();
        ends.push(begins + longest);
    }
    let beside = u32::try_from(project.settings.limits.steps.max(1)).unwrap_or(u32::MAX);
    estimate.took = ends.into_iter().max().unwrap_or_default().max(total / beside);
    Ok(estimate)
}
