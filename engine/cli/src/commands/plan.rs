//! `engine plan`: what a run would do, and why.

use crate::{
    args::{Output, Plan},
    context::{Context, selected},
    stop::{Exit, Result},
    terminal::{self, Style},
    words,
    work::{self, Wish},
};
use engine_language::{
    graph::{NodeId, NodeKind},
    project::Project,
};
use engine_run::plan::{Action, Plan as Steps, Step, Why};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Prints the plan and changes nothing.
pub fn plan(context: &Context, args: &Plan) -> Result {
    let ready = work::ready(context)?;
    let nodes = selected(&ready.project, &args.selected)?;
    let wish = Wish { full_refresh: args.full_refresh, ..Wish::default() };
    let steps = ready.plan(&work::remembered(context)?, &nodes, wish);
    let text = match args.output {
        Output::Text => text(&ready.project, &steps, context.terminal.data_colour),
        Output::Json => format!("{:#}\n", json(&steps)),
    };
    terminal::write(&text)?;
    Ok(Exit::Done)
}

fn text(project: &Project, plan: &Steps, colour: bool) -> String {
    let all: Vec<(&NodeId, &Step)> =
        plan.steps.iter().flat_map(|step| step.nodes.iter().map(move |id| (id, step))).collect();
    let width = all.iter().map(|(id, _)| id.name.as_str().chars().count()).max().unwrap_or(0).clamp(20, 40);
    let mut text = String::new();
    for (id, step) in all.iter().filter(|(_, step)| step.why != Why::Unchanged) {
        let (sign, style) = match step.why {
            Why::New => ("+", Style::Good),
            Why::Changed | Why::Asked => ("~", Style::Warn),
            _ => ("·", Style::Dim),
        };
        let why = why(project, id, step);
        let line = format!("  {} {:<width$}  {why}", style.paint(colour, sign), id.name.as_str());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let unchanged = all.iter().filter(|(_, step)| step.why == Why::Unchanged).count();
    if unchanged > 0 {
        text.extend([format!("  = {} unchanged, reused\n", words::count(unchanged as u64))]);
    }
    let work = plan.steps.iter().filter(|step| step.why != Why::Unchanged).count() as u64;
    let nodes = all.len() - unchanged;
    let stages = words::counted(depth(plan) as u64, "stage");
    text.extend([match work {
        0 => format!(
            "Would run nothing: all {} are as they should be. Nothing was changed.\n",
            words::counted(all.len() as u64, "node")
        ),
        _ => format!(
            "Would run {nodes} of {} in {stages}. Nothing was changed.\n",
            words::counted(all.len() as u64, "node")
        ),
    }]);
    text
}

/// How many steps stand one after the other at most, of those that do something.
fn depth(plan: &Steps) -> usize {
    let mut depths: BTreeMap<usize, usize> = BTreeMap::new();
    for (i, step) in plan.steps.iter().enumerate() {
        let above = step.after.iter().filter_map(|before| depths.get(before)).max().copied().unwrap_or(0);
        depths.insert(i, above + usize::from(step.why != Why::Unchanged));
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
        Why::Input(input) if input.kind == NodeKind::Source => format!("`{}` may have new rows", input.name),
        Why::Input(input) => format!("reads `{}`", input.name),
        Why::Volatile => "says something else each time".to_owned(),
        Why::Asked => "asked for".to_owned(),
        Why::Unchanged => "unchanged".to_owned(),
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Generate => "generated",
        Action::Seed => "loaded",
        Action::Replicate => "replicated",
        Action::Build => "built",
        Action::Test => "tested",
    }
}

fn json(plan: &Steps) -> Value {
    let step = |(i, step): (usize, &Step)| {
        let (why, input) = match &step.why {
            Why::New => ("new", None),
            Why::Changed => ("changed", None),
            Why::Input(input) => ("input", Some(input.to_string())),
            Why::Volatile => ("volatile", None),
            Why::Asked => ("asked", None),
            Why::Unchanged => ("unchanged", None),
        };
        json!({
            "step": i,
            "nodes": step.nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "action": action(step.action),
            "after": step.after,
            "why": why,
            "input": input,
        })
    };
    json!({ "steps": plan.steps.iter().enumerate().map(step).collect::<Vec<_>>() })
}
