//! Writes down what happens.

use super::{History, RunRequest, checks, state};
use crate::{
    event::{Event, Level, Listener, RunOutcome},
    redact::Mask,
    report::{NodeReport, Status, Verdict},
};
use engine_connect::hub::topics::Lag;
use rusqlite::params;
use std::sync::{Arc, Mutex};

/// A listener that writes runs, nodes and logs into the records.
#[derive(Debug)]
pub struct Recorder {
    history: Arc<History>,
    request: RunRequest,
    origin: Origin,
    mask: Mask,
    run: Mutex<String>,
}

/// Where a run of a service comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The job that it is for.
    pub job: Option<i64>,
    /// The schedule.
    pub schedule: Option<String>,
    /// Why it is wanted, in one word.
    pub cause: Option<String>,
    /// Who asked for it.
    pub asked_by: Option<String>,
}

impl Recorder {
    /// Writes into these records what comes of a request.
    pub fn new(history: Arc<History>, request: RunRequest) -> Self {
        Self { history, request, origin: Origin::default(), mask: Mask::default(), run: Mutex::default() }
    }

    /// The same, for a run that a service makes.
    #[must_use]
    pub fn of(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same, which writes down nothing that came from the environment.
    #[must_use]
    pub fn hiding(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    fn write(&self, at_us: i64, event: &Event) -> rusqlite::Result<()> {
        let mut run = self.run.lock().expect("no holder of this lock panics");
        let db = self.history.db();
        match event {
            Event::RunStarted { run: id, .. } => {
                run.clone_from(id);
                let sql = "insert into runs (id, started_us, state, asked, job, schedule, cause, asked_by)
                    values (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7)";
                let Origin { job, schedule, cause, asked_by } = &self.origin;
                db.execute(sql, params![id, at_us, self.request.to_text(), job, schedule, cause, asked_by])?;
            }
            Event::RunFinished { run: id, outcome, took } => {
                let word = match outcome {
                    RunOutcome::Succeeded => "succeeded",
                    RunOutcome::Failed => "failed",
                    RunOutcome::Cancelled => "cancelled",
                };
                let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
                db.execute("update runs set state = ?2, took_us = ?3 where id = ?1", params![id, word, took])?;
            }
            Event::StepFinished(node) => {
                let took = i64::try_from(node.took.as_micros()).unwrap_or(i64::MAX);
                let verdict = node.verdict.as_ref().map(verdict);
                let row = params![
                    *run,
                    node.node.to_string(),
                    word(node.status),
                    node.rows,
                    took,
                    note(node).map(|note| self.mask.text(&note)),
                    verdict,
                    node.started_us,
                    node.events,
                    node.rejected
                ];
                let sql = "insert into nodes (run, node, status, rows, took_us, note, verdict, started_us, events,
                    rejected) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
                db.prepare_cached(sql)?.execute(row)?;
                if let Some(lag) = &node.lag {
                    let row = params![*run, at_us, "info", node.node.to_string(), behind(lag)];
                    db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
                }
                if node.status == Status::Succeeded {
                    let sql = "update built set took_us = ?3 where target = ?1 and node = ?2";
                    db.execute(sql, params![self.request.target, node.node.to_string(), took])?;
                }
            }
            Event::Log { node, level, message } => {
                let level = match level {
                    Level::Debug => "debug",
                    Level::Info => "info",
                    Level::Warn => "warn",
                    Level::Error => "error",
                };
                let message = self.mask.text(message);
                let row = params![*run, at_us, level, node.as_ref().map(ToString::to_string), message];
                db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
            }
            Event::StepRetried { node, attempt, of, reason, .. } => {
                let message = self.mask.text(&format!("try {attempt} of {of} failed: {reason}"));
                let row = params![*run, at_us, "warn", node.to_string(), message];
                db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
            }
            Event::Checked { node, checks } => {
                let mut checks = checks.clone();
                let examples = checks.iter_mut().flat_map(|check| &mut check.examples);
                examples.for_each(|example| *example = self.mask.text(example));
                checks::keep(&db, &self.request.target, node, &checks, &run, at_us)?;
            }
            Event::StepStarted { .. } | Event::StepProgress { .. } | Event::Lag { .. } => {}
        }
        Ok(())
    }
}

/// `12 events behind: partition 0 by 5, 2 by 7`
fn behind(lag: &Lag) -> String {
    let events = lag.values().sum::<u64>();
    let parts =
        lag.iter().filter(|(_, behind)| **behind > 0).map(|(partition, behind)| format!("{partition} by {behind}"));
    let parts = parts.collect::<Vec<_>>().join(", ");
    if events == 0 { "0 events behind".to_owned() } else { format!("{events} events behind: partition {parts}") }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "succeeded",
        Status::Reused => "reused",
        Status::Failed => "failed",
        Status::Skipped => "skipped",
    }
}

fn note(node: &NodeReport) -> Option<String> {
    let failure = node.failure.as_ref().map(|f| format!("{} {}", f.diagnostic.code.id, f.diagnostic.message));
    failure.or_else(|| node.note.clone())
}

fn verdict(verdict: &Verdict) -> String {
    format!("{} {} {}", verdict.compared.word(), verdict.source, verdict.target)
}

impl Listener for Recorder {
    fn hear(&self, at_us: i64, event: &Event) {
        if let Err(error) = self.write(at_us, event) {
            tracing::warn!("{}", state(error));
        }
    }
}
