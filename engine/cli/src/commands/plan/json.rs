//! A plan for programs.

use super::{Foreseen, changes::Change, text::action};
use engine_connect::hub::version::Reads;
use engine_run::{
    location::Place,
    plan::{Step, Why},
};
use serde_json::{Map, Value, json};

/// The whole plan.
pub fn json(foreseen: &Foreseen) -> Value {
    let estimate = foreseen.estimate;
    json!({
        "steps": foreseen.steps.steps.iter().enumerate().map(|(i, step)| one(foreseen, i, step)).collect::<Vec<_>>(),
        "removed": foreseen.gone,
        "rows_read": foreseen.rows_read.iter().map(rows_read).collect::<Vec<_>>(),
        "estimate": {
            "rows": estimate.rows,
            "seconds": estimate.took.as_secs_f64(),
            "nodes_known": estimate.known,
            "nodes_unknown": estimate.unknown,
        },
    })
}

fn one(foreseen: &Foreseen, i: usize, step: &Step) -> Value {
    let (why, input) = match &step.why {
        Why::New => ("new", None),
        Why::Changed => ("changed", None),
        Why::Input(input) => ("input", Some(input.to_string())),
        Why::Output => ("output", None),
        Why::Behind(topic, _) => ("behind", Some(topic.to_string())),
        Why::Volatile => ("volatile", None),
        Why::Asked => ("asked", None),
        Why::Unchanged => ("unchanged", None),
    };
    let changes = step.nodes.iter().filter_map(|id| Some((id.to_string(), change(foreseen.changes.get(id)?))));
    json!({
        "step": i,
        "nodes": step.nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "action": action(step.action),
        "after": step.after,
        "why": why,
        "input": input,
        "events": if let Why::Behind(_, events) = &step.why { Some(events) } else { None },
        "changes": changes.collect::<Map<_, _>>(),
    })
}

fn rows_read((place, reads): (&Place, &Reads)) -> Value {
    json!({ "connection": place.connection.as_str(), "table": place.table.as_str(), "because": reads })
}

fn change(change: &Change) -> Value {
    let lines = change.lines.as_ref().map(|lines| {
        lines.iter().map(|(came, line)| format!("{}{line}", if *came { '+' } else { '-' })).collect::<Vec<_>>()
    });
    json!({
        "lines": lines,
        "schema": change.schema,
        "rows": { "was": change.rows_was, "now": change.rows_now },
    })
}
