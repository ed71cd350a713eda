//! `engine logs`: what earlier runs said.

use crate::{
    args::{Logs, Output},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    run_session,
    terminal::format::utc,
    terminal::{self, Style, format, report::short_id},
};
use engine_language::id::NodeId;
use engine_run::{
    clock::{self, Clock as _, SystemClock},
    history::{History, LogLine, NodeRecord, RunRecord},
};
use serde_json::json;
use std::time::Duration;

/// Runs that are kept; see the history.
const ALL: u32 = 1000;

/// Lists the last runs, or one run's nodes and lines.
pub fn logs(context: &Context, args: &Logs) -> Result {
    let history = run_session::remembered(context)?;
    let text = match &args.run {
        None if args.node.is_none() => runs(context, &history, args)?,
        _ => one(context, &history, args)?,
    };
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}

fn runs(context: &Context, history: &History, args: &Logs) -> Result<String> {
    let runs = history.runs(u32::try_from(args.limit).unwrap_or(ALL))?;
    if runs.is_empty() {
        context.terminal.note("no runs yet; `engine run` makes the first one");
    }
    let colour = context.terminal.data_colour;
    let now = SystemClock.now_us();
    let text = runs.iter().map(|run| match args.output {
        Output::Json => format!("{}\n", run_json(run)),
        Output::Text => {
            let state = Style::paint(style(&run.state), colour, &format!("{:<12}", run.state));
            let at = clock::short(run.started_us, now);
            format!("{}  {state}  {at:<16}  {:>8}\n", run.id, run.took_us.map_or(String::new(), took))
        }
    });
    Ok(text.collect())
}

fn one(context: &Context, history: &History, args: &Logs) -> Result<String> {
    let run = find(history, args.run.as_deref())?;
    let wanted = |node: Option<&str>| match (&args.node, node) {
        (None, _) => true,
        (Some(wanted), Some(node)) => node == wanted || NodeId::parse(node).is_some_and(|id| id.name() == *wanted),
        (Some(_), None) => false,
    };
    let nodes: Vec<NodeRecord> = history.nodes(&run.id)?.into_iter().filter(|node| wanted(Some(&node.node))).collect();
    let lines: Vec<LogLine> = history.log(&run.id)?.into_iter().filter(|line| wanted(line.node.as_deref())).collect();
    if args.node.is_some() && nodes.is_empty() && lines.is_empty() {
        let message = format!("run {} has no node `{}`", short_id(&run.id), args.node.as_deref().unwrap_or_default());
        return Err(CliError::usage(message, format!("`engine logs {}` shows all of it", run.id)));
    }
    if args.output == Output::Json {
        return Ok(format!("{}\n", json!({ "run": run_json(&run), "nodes": nodes, "log": lines })));
    }
    let colour = context.terminal.data_colour;
    let state = style(&run.state).paint(colour, &run.state);
    let mut text = format!("run {}   {state}   {}\n", run.id, clock::short(run.started_us, SystemClock.now_us()));
    for node in &nodes {
        let status = style(&node.status).paint(colour, &format!("{:>12}", node.status));
        let rows = node.rows.map_or(String::new(), |rows| format::counted(rows, "row"));
        let note = node.note.as_deref().unwrap_or_default();
        let line = format!("{status} {:<36} {rows:<14} {:>8}   {note}", node.node, took(node.took_us));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for line in &lines {
        let level = style(&line.level).paint(colour, &format!("{:<5}", line.level));
        let node = line.node.as_deref().map_or(String::new(), |node| format!("{node}: "));
        text.extend([format!("{} {level} {node}{}\n", utc(line.at_us), line.message)]);
    }
    Ok(text)
}

/// The run whose id begins so; the last one if none is named.
fn find(history: &History, typed: Option<&str>) -> Result<RunRecord> {
    let runs = history.runs(ALL)?;
    let Some(typed) = typed else {
        let none = || CliError::usage("there are no runs yet", "`engine run` makes the first one".to_owned());
        return runs.into_iter().next().ok_or_else(none);
    };
    let typed = typed.trim_end_matches('…').to_uppercase();
    let mut found: Vec<RunRecord> = runs.into_iter().filter(|run| run.id.starts_with(&typed)).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(CliError::usage(format!("there is no run `{typed}`"), "`engine logs` lists them".to_owned())),
        n => Err(CliError::usage(format!("{n} runs begin with `{typed}`"), "type more of the id".to_owned())),
    }
}

fn run_json(run: &RunRecord) -> serde_json::Value {
    json!({
        "id": run.id,
        "started_at": utc(run.started_us),
        "state": run.state,
        "took": run.took_us.map(|us| Duration::from_micros(us.unsigned_abs()).as_secs_f64()),
    })
}

fn took(us: i64) -> String {
    format::duration(Duration::from_micros(us.unsigned_abs()))
}

fn style(state: &str) -> Style {
    match state {
        "succeeded" => Style::Good,
        "failed" | "error" => Style::Bad,
        "reused" | "running" => Style::Blue,
        "debug" | "info" => Style::Dim,
        _ => Style::Warn,
    }
}
