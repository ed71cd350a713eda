//! A plan for people.

use super::{Foreseen, changes::Change};
use crate::terminal::{Style, format};
use engine_connect::hub::version::Reads;
use engine_language::{graph::NodeId, name::Name, project::Project};
use engine_run::plan::{Action, Plan, Step, Why};
use std::collections::BTreeMap;

/// Lines shown of a difference.
const MOST: usize = 24;

/// The whole plan.
pub fn text(project: &Project, foreseen: &Foreseen, colour: bool) -> String {
    let steps = &foreseen.steps.steps;
    let all: Vec<(&NodeId, &Step)> =
        steps.iter().flat_map(|step| step.nodes.iter().map(move |id| (id, step))).collect();
    let longest = all.iter().map(|(id, _)| id.name().chars().count()).max().unwrap_or(0);
    let width = longest.clamp(20, 44);
    let mut text = String::new();
    for (id, step) in all.iter().filter(|(_, step)| step.why != Why::Unchanged) {
        let (sign, style) = match step.why {
            Why::New => ("+", Style::Good),
            Why::Changed | Why::Asked => ("~", Style::Warn),
            _ => ("·", Style::Dim),
        };
        let (sign, name) = (style.paint(colour, sign), id.name());
        line(&mut text, &format!("  {sign} {name:<width$}  {}", why(project, id, step)));
        if let Some(change) = foreseen.changes.get(id) {
            changed(&mut text, change, colour);
        }
    }
    for gone in &foreseen.gone {
        let node = NodeId::parse(gone);
        let stays = if matches!(node, Some(NodeId::Test(_))) { "" } else { "; its table stays" };
        let name = node.as_ref().map_or(gone.as_str().into(), NodeId::name);
        let sign = Style::Bad.paint(colour, "-");
        line(&mut text, &format!("  {sign} {name:<width$}  removed from the project{stays}"));
    }
    let unchanged = all.iter().filter(|(_, step)| step.why == Why::Unchanged).count();
    if unchanged > 0 {
        line(&mut text, &format!("  = {} unchanged, reused", format::count(unchanged as u64)));
    }
    for reading in read(foreseen) {
        line(&mut text, &format!("    {}", Style::Dim.paint(colour, &reading)));
    }
    line(&mut text, &sum(foreseen, all.len(), all.len() - unchanged));
    text
}

/// What had to be read to know all that, by connection.
fn read(foreseen: &Foreseen) -> Vec<String> {
    let mut tables: BTreeMap<(&Name, Reads), Vec<&str>> = BTreeMap::new();
    for (place, reads) in &foreseen.rows_read {
        tables.entry((&place.connection, *reads)).or_default().push(place.table.as_str());
    }
    let of = |((connection, reads), tables): ((&Name, Reads), Vec<&str>)| {
        let tables = match tables.as_slice() {
            [one] => format!("`{one}`"),
            many => format::counted(many.len() as u64, "table"),
        };
        format!("the rows of {tables} of `{connection}` were read: {}", reads.because())
    };
    tables.into_iter().map(of).collect()
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

/// The lines, rows and columns of a model that changed.
fn changed(text: &mut String, change: &Change, colour: bool) {
    match &change.lines {
        Some(lines) if lines.is_empty() => line(text, "      a macro, variable or setting that it uses changed"),
        Some(lines) => {
            let lines: Vec<_> = lines.iter().filter(|(_, line)| !line.trim().is_empty()).collect();
            for (came, changed) in lines.iter().take(MOST) {
                let (sign, style) = if *came { ("+", Style::Good) } else { ("-", Style::Bad) };
                line(text, &format!("      {}", style.paint(colour, &format!("{sign} {changed}"))));
            }
            let more = lines.len().saturating_sub(MOST) as u64;
            if more > 0 {
                line(text, &format!("      … {} more", format::counted(more, "line")));
            }
        }
        None => {}
    }
    let rows = match (change.rows_was, change.rows_now) {
        (Some(was), Some(now)) if was == now => Some(format!("rows: {}, as before", format::count(now))),
        (Some(was), Some(now)) => Some(format!("rows: {} → {}", format::count(was), format::count(now))),
        (Some(was), None) => Some(format!("rows: {} before", format::count(was))),
        (None, now) => now.map(|now| format!("rows: {}", format::count(now))),
    };
    let schema = change.schema.as_ref().map(|schema| match schema.as_slice() {
        [] => "schema: unchanged".to_owned(),
        changes => format!("schema: {}", changes.join(", ")),
    });
    let facts: Vec<String> = rows.into_iter().chain(schema).collect();
    if !facts.is_empty() {
        line(text, &format!("      {}", facts.join("    ")));
    }
}

fn sum(foreseen: &Foreseen, all: usize, working: usize) -> String {
    let all = format::counted(all as u64, "node");
    if working == 0 {
        return format!("Would run nothing: all {all} are as they should be. Nothing was changed.");
    }
    let estimate = foreseen.estimate;
    let mut parts =
        vec![format!("Would run {working} of {all} in {}", format::counted(depth(&foreseen.steps), "step"))];
    if estimate.known > 0 {
        parts.push(format!("about {}", format::counted(estimate.rows, "row")));
        parts.push(format!("about {}", format::duration(estimate.took)));
        if estimate.unknown > 0 {
            parts.push(format!("and {} of unknown size", format::counted(estimate.unknown as u64, "node")));
        }
    }
    format!("{}. Nothing was changed.", parts.join(", "))
}

/// How many steps stand one after the other at most, of those that do something.
fn depth(plan: &Plan) -> u64 {
    let mut depths: BTreeMap<usize, u64> = BTreeMap::new();
    for (i, step) in plan.steps.iter().enumerate() {
        let above = step.after.iter().filter_map(|before| depths.get(before)).max().copied().unwrap_or(0);
        depths.insert(i, above + u64::from(step.why != Why::Unchanged));
    }
    depths.values().max().copied().unwrap_or(0)
}

fn why(project: &Project, id: &NodeId, step: &Step) -> String {
    match &step.why {
        Why::New => format!("new, {}", action(step.action)),
        Why::Changed => {
            let path = project.graph.nodes.get(id).and_then(|node| node.path.as_ref());
            path.map_or("changed".to_owned(), |path| format!("changed    project/{path}"))
        }
        Why::Output => "its table is not as it was left".to_owned(),
        Why::Input(input) if input == id => "is new, or not as it was left".to_owned(),
        Why::Input(input @ NodeId::Source { .. }) => format!("{} may have new rows", input.name()),
        Why::Input(input) => format!("reads {}", input.name()),
        Why::Behind(topic, events) => {
            let verb = if *events == 1 { "is" } else { "are" };
            format!("{} of {} {verb} not read yet", format::counted(*events, "event"), topic.name())
        }
        Why::Volatile => "says something else each time".to_owned(),
        Why::Asked => "asked for".to_owned(),
        Why::Unchanged => "unchanged".to_owned(),
    }
}

/// The word for what is done.
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Generate => "generated",
        Action::Seed => "loaded",
        Action::Replicate => "replicated",
        Action::Build => "built",
        Action::Test => "tested",
    }
}
