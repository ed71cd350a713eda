//! `events.jsonl`: what happened in a run, one object a line, as it happened.

use super::{masked, run_results};
use crate::{
    exit_status::{CliError, Result},
    terminal::format::utc,
};
use engine_run::{
    event::{Event, Level, Listener},
    redact::Mask,
    report::RunOutcome,
};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::Mutex,
};

/// Writes events to a file.
#[derive(Debug)]
pub struct EventLog {
    file: Mutex<BufWriter<File>>,
    mask: Mask,
}

impl EventLog {
    /// Begins the file anew.
    pub fn create(folder: &Path, mask: Mask) -> Result<Self> {
        let file = File::create(folder.join("events.jsonl"))
            .map_err(CliError::io("writing `.engine/artifacts/events.jsonl`"))?;
        Ok(Self { file: Mutex::new(BufWriter::new(file)), mask })
    }
}

impl Listener for EventLog {
    fn hear(&self, at_us: i64, event: &Event) {
        let mut file = self.file.lock().expect("no holder of this lock panics");
        // A full disk must not stop the run: the log is the least of its outputs.
        let _ = writeln!(file, "{}", masked(said(at_us, event), &self.mask));
        if !matches!(event, Event::StepProgress { .. }) {
            let _ = file.flush();
        }
    }
}

fn said(at_us: i64, event: &Event) -> Value {
    let mut value = match event {
        Event::RunStarted { run, steps } => json!({ "event": "run_started", "run": run, "steps": steps }),
        Event::StepStarted { node, doing } => {
            json!({ "event": "step_started", "unique_id": node.to_string(), "doing": doing })
        }
        Event::Checked { node, checks } => json!({
            "event": "checked", "unique_id": node.to_string(),
            "checks": checks.iter().map(|check| json!({ "name": check.name, "failures": check.failing }))
                .collect::<Vec<_>>(),
        }),
        Event::Lag { node, partitions } => {
            json!({ "event": "lag", "unique_id": node.to_string(), "partitions": partitions })
        }
        Event::StepProgress { node, rows, bytes, of_rows } => json!({
            "event": "step_progress", "unique_id": node.to_string(),
            "rows": rows, "bytes": bytes, "of_rows": of_rows,
        }),
        Event::StepRetried { node, attempt, of, reason, wait } => json!({
            "event": "step_retried", "unique_id": node.to_string(),
            "attempt": attempt, "of": of, "reason": reason, "wait": wait.as_secs_f64(),
        }),
        Event::StepFinished(report) => {
            let mut value = run_results::result(report);
            value["event"] = json!("step_finished");
            value
        }
        Event::Log { node, level, message } => json!({
            "event": "log", "unique_id": node.as_ref().map(ToString::to_string),
            "level": match level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            },
            "message": message,
        }),
        Event::RunFinished { run, outcome, took } => json!({
            "event": "run_finished", "run": run,
            "outcome": match outcome {
                RunOutcome::Succeeded => "succeeded",
                RunOutcome::Failed => "failed",
                RunOutcome::Cancelled => "cancelled",
            },
            "took": took.as_secs_f64(),
        }),
    };
    value["at"] = json!(utc(at_us));
    value
}
