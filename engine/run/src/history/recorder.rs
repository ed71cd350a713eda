//! Writes down what happens.

use super::{History, RunRequest, checks, state};
use crate::{
    error::Result,
    event::{Event, Level, Listener},
    redact::Mask,
    report::{NodeReport, RunOutcome, Status, Verdict},
};
use engine_connect::hub::topics::Lag;
use rusqlite::{Connection, params};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// A listener that writes runs, nodes and logs into the records.
#[derive(Debug)]
pub struct Recorder {
    history: Arc<History>,
    backlog: Arc<Mutex<Backlog>>,
}

/// Lines of a log are not held while more than this waits to be written.
const MOST_HELD: usize = 10_000;
/// Nodes that were reused are written together: so many, and after so long at the latest.
const TOGETHER: usize = 500;
const WITHIN: Duration = Duration::from_millis(50);

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
        Self { history, backlog: Arc::new(Mutex::new(Backlog { request, ..Backlog::default() })) }
    }

    /// The same, for a run that a service makes.
    #[must_use]
    pub fn of(self, origin: Origin) -> Self {
        lock(&self.backlog).origin = origin;
        self
    }

    /// The same, which writes down nothing that came from the environment.
    #[must_use]
    pub fn hiding(self, mask: Mask) -> Self {
        lock(&self.backlog).mask = mask;
        self
    }

    /// Writes what is held a little later, unless something else that happens has it written before.
    fn write_later(&self) {
        let (history, backlog) = (self.history.clone(), self.backlog.clone());
        std::thread::spawn(move || {
            std::thread::sleep(WITHIN);
            let mut backlog = lock(&backlog);
            backlog.is_awaited = false;
            // What could not be written is tried again with the next event.
            if let Err(error) = backlog.write(&history) {
                backlog.is_urgent = true;
                tracing::warn!(%error, "what happens in a run is not recorded yet");
            }
        });
    }
}

fn lock(backlog: &Mutex<Backlog>) -> MutexGuard<'_, Backlog> {
    backlog.lock().expect("no holder of this lock panics")
}

/// What is still to be written of a run, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    request: RunRequest,
    origin: Origin,
    mask: Mask,
    run: String,
    events: VecDeque<(i64, Event)>,
    /// Whether something other than a reused node is to be written.
    is_urgent: bool,
    /// Whether what is held will be written soon by itself.
    is_awaited: bool,
}

impl Backlog {
    /// Writes what is still to be written in one transaction, or as much of it as the records allow.
    pub(super) fn write(&mut self, history: &History) -> Result<()> {
        while !self.events.is_empty() {
            let refused = self.write_together(history).map_err(state)?;
            let written = refused.map_or(self.events.len(), |at| at + 1);
            self.events.drain(..written);
        }
        self.is_urgent = false;
        Ok(())
    }

    /// Writes all events up to the first that the records will never take, and answers where it stands.
    fn write_together(&mut self, history: &History) -> rusqlite::Result<Option<usize>> {
        let mut db = history.db();
        let mut transaction = db.transaction()?;
        let mut refused = None;
        for at in 0..self.events.len() {
            let part = transaction.savepoint()?;
            match self.write_one(&part, at) {
                Ok(()) => part.commit()?,
                Err(error) if may_pass(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "what happened in a run is not recorded");
                    refused = Some(at);
                    break;
                }
            }
        }
        transaction.commit()?;
        Ok(refused)
    }

    fn hold(&mut self, at_us: i64, event: &Event) {
        let passing = matches!(event, Event::StepStarted { .. } | Event::StepProgress { .. } | Event::Lag { .. });
        let a_line = matches!(event, Event::Log { .. } | Event::StepRetried { .. });
        if !(passing || a_line && self.events.len() >= MOST_HELD) {
            self.is_urgent |= !matches!(event, Event::StepFinished(node) if node.status == Status::Reused);
            self.events.push_back((at_us, event.clone()));
        }
        if let Event::RunStarted { run, .. } = event {
            self.run.clone_from(run);
        }
    }

    /// Whether what is held may be written with what comes next.
    fn may_wait(&self) -> bool {
        !self.is_urgent && !self.events.is_empty() && self.events.len() < TOGETHER
    }

    fn write_one(&self, db: &Connection, at: usize) -> rusqlite::Result<()> {
        let (at_us, event) = (self.events[at].0, &self.events[at].1);
        match event {
            Event::RunStarted { run: id, .. } => {
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
            Event::StepFinished(node) => self.write_node(db, at_us, node)?,
            Event::Log { node, level, message } => {
                let level = match level {
                    Level::Debug => "debug",
                    Level::Info => "info",
                    Level::Warn => "warn",
                    Level::Error => "error",
                };
                let message = self.mask.text(message);
                let row = params![self.run, at_us, level, node.as_ref().map(ToString::to_string), message];
                db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
            }
            Event::StepRetried { node, attempt, of, reason, .. } => {
                let message = self.mask.text(&format!("try {attempt} of {of} failed: {reason}"));
                let row = params![self.run, at_us, "warn", node.to_string(), message];
                db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
            }
            Event::Checked { node, checks } => {
                let mut checks = checks.clone();
                for check in &mut checks {
                    check.name = self.mask.text(&check.name);
                    check.examples.iter_mut().for_each(|example| *example = self.mask.text(example));
                }
                checks::keep(db, &self.request.target, node, &checks, &self.run, at_us)?;
            }
            Event::StepStarted { .. } | Event::StepProgress { .. } | Event::Lag { .. } => {}
        }
        Ok(())
    }

    /// Writes how a node ended.
    fn write_node(&self, db: &Connection, at_us: i64, node: &NodeReport) -> rusqlite::Result<()> {
        let took = i64::try_from(node.took.as_micros()).unwrap_or(i64::MAX);
        let verdict = node.verdict.as_ref().map(verdict);
        let row = params![
            self.run,
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
            let row = params![self.run, at_us, "info", node.node.to_string(), behind(lag)];
            db.execute("insert into logs values (?1, ?2, ?3, ?4, ?5)", row)?;
        }
        if node.status == Status::Succeeded {
            let sql = "update built set took_us = ?3 where target = ?1 and node = ?2";
            db.execute(sql, params![self.request.target, node.node.to_string(), took])?;
        }
        Ok(())
    }
}

/// Whether the same write may succeed later: another process holds the records, or there is no room for them now.
fn may_pass(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure,
    };
    let passing = [CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| passing.contains(&code))
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
        let mut backlog = lock(&self.backlog);
        backlog.hold(at_us, event);
        if backlog.may_wait() {
            if !std::mem::replace(&mut backlog.is_awaited, true) {
                self.write_later();
            }
            return;
        }
        let Err(error) = backlog.write(&self.history) else { return };
        tracing::warn!(%error, "what happens in a run is not recorded yet");
        if matches!(event, Event::RunFinished { .. }) {
            self.history.hold_back(std::mem::take(&mut backlog));
        }
    }
}
