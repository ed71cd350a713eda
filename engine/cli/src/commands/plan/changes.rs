//! How a model differs from what it was when it was last built: its text, its columns, its rows.

use crate::{exit_status::Result, run_session::Ready};
use engine_language::{graph::NodeId, model::Materialized};
use engine_run::{
    history::{History, columns},
    plan::{self, Action, Plan, Why},
    runner::Runner,
};
use similar::{ChangeTag, TextDiff};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// Counting rows may take so long in all; who wants to know more runs it.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a model differs.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Lines that went, with false, and lines that came, with true; `None` if the old text is not known.
    pub lines: Option<Vec<(bool, String)>>,
    /// How its columns differ, a word each: `+ n bigint`; `None` if they are not known.
    pub schema: Option<Vec<String>>,
    /// Rows that it has.
    pub rows_was: Option<u64>,
    /// Rows that it would have.
    pub rows_now: Option<u64>,
}

/// The differences of all models in the plan that say something else.
pub fn changes(ready: &Ready, history: &History, plan: &Plan) -> Result<BTreeMap<NodeId, Change>> {
    let target = ready.project.target.as_str();
    let mut changes = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| step.why == Why::Changed) {
        for node in step.nodes.iter().filter(|node| node.model().is_some()) {
            let Some(built) = history.built(target, node)? else { continue };
            let now = plan::text(&ready.project, node).unwrap_or_default();
            let was = history.made(target, node)?.columns;
            let schema = was.zip(ready.schemas.get(node)).map(|(was, now)| schema(&was, &columns(now)));
            let lines = built.text.map(|was| lines(&was, &now));
            changes.insert(node.clone(), Change { lines, schema, rows_was: built.rows, rows_now: None });
        }
    }
    Ok(changes)
}

/// Counts the rows that changed tables would have, where all that they read stays as it is.
pub async fn count(runner: &Runner, plan: &Plan, changes: &mut BTreeMap<NodeId, Change>) {
    let end = Instant::now() + PATIENCE;
    let project = runner.project();
    let moving = plan.steps.iter().filter(|step| step.why != Why::Unchanged && step.action != Action::Test);
    let moving: BTreeSet<&NodeId> = moving.flat_map(|step| &step.nodes).collect();
    for (node, change) in changes {
        let table = project.model(node).is_some_and(|model| model.config.materialized == Materialized::Table);
        let settled = project.graph.ancestors(node).iter().all(|above| !moving.contains(above));
        if table && settled {
            let counted = timeout_at(end, runner.count(node)).await;
            change.rows_now = counted.ok().and_then(Result::ok).map(|rows| rows as u64);
        }
    }
}

fn lines(was: &str, now: &str) -> Vec<(bool, String)> {
    let diff = TextDiff::from_lines(was, now);
    let changed = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    changed.map(|change| (change.tag() == ChangeTag::Insert, change.value().trim_end().to_owned())).collect()
}

fn schema(was: &[(String, String)], now: &[(String, String)]) -> Vec<String> {
    let of = |columns: &[(String, String)], name: &str| {
        columns.iter().find(|(other, _)| other == name).map(|(_, kind)| kind.clone())
    };
    let gone = was.iter().filter(|(name, _)| of(now, name).is_none()).map(|(name, kind)| format!("- {name} {kind}"));
    let came = now.iter().filter_map(|(name, kind)| match of(was, name) {
        None => Some(format!("+ {name} {kind}")),
        Some(before) if before != *kind => Some(format!("{name} {before} → {kind}")),
        Some(_) => None,
    });
    gone.chain(came).collect()
}

#[cfg(test)]
mod tests {
    use super::{lines, schema};

    fn columns(text: &str) -> Vec<(String, String)> {
        text.split(", ").filter_map(|column| column.split_once(' ')).map(|(a, b)| (a.into(), b.into())).collect()
    }

    #[test]
    fn columns_that_went_came_or_became_something_else() {
        let schema = |was, now| schema(&columns(was), &columns(now)).join("; ");
        assert_eq!(schema("a int, b text", "a int, b text"), "");
        assert_eq!(schema("a int, b text", "c date, a bigint"), "- b text; + c date; a int → bigint");
    }

    #[test]
    fn only_lines_that_changed() {
        let was = "select\n  a,\n  b\n";
        assert_eq!(lines(was, "select\n  a,\n  c\n"), [(false, "  b".into()), (true, "  c".into())]);
        assert!(lines(was, was).is_empty());
    }
}
