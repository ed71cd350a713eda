//! What a run says: a line for each thing that ended, and a summary.

use crate::terminal::{
    Style, Terminal,
    diagnostic::Draw,
    format::{self, NAME},
    progress::Progress,
};
use engine_language::{
    files::Files,
    graph::{NodeId, NodeKind},
    model::CheckSeverity,
};
use engine_run::{
    event::{Event, Level, Listener},
    report::{Compared, NodeReport, Report, RunOutcome, Status},
};
use std::{fmt::Write as _, time::Duration};

/// Columns of the action word.
const WORD: usize = 12;
/// Columns of the facts, before the time.
const FACTS: usize = 42;

/// Prints lines as things end, above a live region where there is one.
#[derive(Debug)]
pub struct Lines {
    terminal: Terminal,
    level: Level,
    watching: bool,
    progress: Progress,
}

impl Lines {
    /// As loud as the user asked.
    pub fn new(terminal: Terminal, verbose: u8) -> Self {
        let level = match verbose {
            0 => Level::Warn,
            1 => Level::Info,
            _ => Level::Debug,
        };
        Self { terminal, level, watching: false, progress: Progress::new(terminal) }
    }

    /// Under `watch`, where a node that is reused is where a change stopped.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.watching = true;
        self
    }

    fn line(&self, text: &str) {
        self.progress.above(|| self.terminal.note(text));
    }

    fn log(&self, node: &str, level: Level, message: &str) {
        if level < self.level {
            return;
        }
        let (word, style) = match level {
            Level::Debug => ("Debug", Style::Dim),
            Level::Info => ("Info", Style::Dim),
            Level::Warn => ("Warning", Style::Warn),
            Level::Error => ("Error", Style::Bad),
        };
        self.line(&action(self.terminal, style, word, &format!("{node:<NAME$} {message}")));
    }
}

impl Listener for Lines {
    fn hear(&self, _: i64, event: &Event) {
        match event {
            Event::RunStarted { .. } | Event::Checked { .. } | Event::Lag { .. } => {}
            Event::StepStarted { node, doing } => self.progress.start(node, doing),
            Event::StepProgress { node, rows, bytes: _, of_rows } => self.progress.advance(node, *rows, *of_rows),
            Event::StepRetried { node, attempt, of, reason, wait } => {
                let facts = format!("{attempt}/{of} · {reason} · next in {}", format::duration(*wait));
                let text = format!("{:<NAME$} {facts}", node.name());
                self.line(&action(self.terminal, Style::Warn, "Retried", &text));
            }
            Event::StepFinished(report) => {
                self.progress.finish(&report.node);
                if self.watching && report.status == Status::Reused {
                    let note = Some("same data, stopped here".to_owned());
                    let report = NodeReport { note, ..NodeReport::clone(report) };
                    self.line(&node_line(self.terminal, &report));
                    return;
                }
                self.line(&node_line(self.terminal, report));
                for warning in warnings(self.terminal, report) {
                    self.line(&warning);
                }
            }
            Event::Log { node, level, message } => {
                self.log(&node.as_ref().map_or("".into(), NodeId::name), *level, message);
            }
            Event::RunFinished { .. } => self.progress.clear(),
        }
    }
}

/// `   Succeeded text`.
pub fn action(terminal: Terminal, style: Style, word: &str, text: &str) -> String {
    format!("{} {}", terminal.paint(style, &format!("{word:>WORD$}")), text.trim_end())
}

/// An action with a time at the right: `    Compiled 5 models      38ms`.
pub fn timed(terminal: Terminal, style: Style, word: &str, text: &str, took: Duration) -> String {
    let took = format::duration(took);
    let gap = (NAME + FACTS + 9).saturating_sub(text.chars().count() + took.len()).max(2);
    let time = terminal.paint(Style::Dim, &took);
    action(terminal, style, word, &format!("{text}{:gap$}{time}", ""))
}

/// One node's line.
pub fn node_line(terminal: Terminal, report: &NodeReport) -> String {
    let (word, style) = match report.status {
        Status::Succeeded => (report.done, Style::Good),
        Status::Reused => ("Reused", Style::Blue),
        Status::Failed => ("Failed", Style::Bad),
        Status::Skipped => ("Skipped", Style::Warn),
    };
    let facts = facts(report);
    let name = report.node.name();
    if matches!(report.status, Status::Reused | Status::Skipped) {
        return action(terminal, style, word, &format!("{name:<NAME$} {facts}"));
    }
    let time = terminal.paint(Style::Dim, &format!("{:>7}", format::duration(report.took)));
    let text = format!("{name:<NAME$} {facts}");
    let gap = (NAME + 1 + FACTS).saturating_sub(text.chars().count());
    action(terminal, style, word, &format!("{text}{:gap$} {time}", ""))
}

fn facts(report: &NodeReport) -> String {
    if let Some(failure) = &report.failure {
        return format!("{} {}", failure.diagnostic.code.id, shortened(&failure.diagnostic.message, FACTS - 6));
    }
    let rows = report.rows.map(|rows| format::counted(rows, "row"));
    let mut facts: Vec<String> = vec![];
    if let Some(events) = report.events {
        facts.push(format::counted(events, "event"));
        facts.extend(rows);
        if report.rejected > 0 {
            facts.push(format!("{} rejected", format::count(report.rejected)));
        }
        facts = vec![facts.join(", ")];
        let behind = report.lag.as_ref().map_or(0, |lag| lag.values().sum());
        if behind > 0 {
            facts.push(format!("{} behind", format::count(behind)));
        }
    } else {
        facts.extend(rows.map(|rows| format!("{rows:<12}")));
    }
    if let Some(verdict) = report.verdict {
        facts.push(format!("{:<9}", format::bytes(report.bytes)));
        facts.push(if verdict.compared == Compared::Count { "counted" } else { "verified" }.to_owned());
    }
    if !report.checks.is_empty() && report.status == Status::Succeeded {
        let passed = report.checks.iter().filter(|check| check.failing == 0).count() as u64;
        facts.push(format!("{} passed", format::counted(passed, "check")));
    }
    facts.extend(report.note.clone());
    let width = facts.len().saturating_sub(1);
    let mut text = String::new();
    for (i, fact) in facts.iter().enumerate() {
        text.push_str(fact);
        if i < width {
            text.push_str(if fact.ends_with(' ') { " " } else { "   " });
        }
    }
    text.trim_end().to_owned()
}

/// Checks that warn and values that became NULL, each a line.
fn warnings(terminal: Terminal, report: &NodeReport) -> Vec<String> {
    let replaced = report.replaced.iter().map(|replaced| {
        let text = format!("{:<NAME$} {replaced}", report.node.name());
        action(terminal, Style::Warn, "Warning", &text)
    });
    let warn = report.checks.iter().filter(|check| check.failing > 0 && check.severity == CheckSeverity::Warn);
    warn.map(|check| {
        let name = report.node.name();
        let failing = format::counted(check.failing, "row");
        let mut broken = format!("{name:<NAME$} {failing} against {}", check.name);
        // A table of some of them.
        for line in check.examples.iter().flat_map(|example| example.lines()) {
            let _ = write!(broken, "\n{:WORD$} {line}", "");
        }
        action(terminal, Style::Warn, "Warning", &broken)
    })
    .chain(replaced)
    .collect()
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// The end of a run: its failures again, drawn in full, and how many nodes did what.
pub fn end(draw: &Draw<'_>, report: &Report, files: &Files) {
    let terminal = draw.terminal;
    let failures: Vec<_> = report.nodes.iter().filter_map(|node| node.failure.as_ref()).collect();
    for failure in &failures {
        terminal.say(&format!("\n{}", draw.diagnostic(&failure.diagnostic, files)));
    }
    let (word, style) = match report.outcome {
        RunOutcome::Succeeded => ("Succeeded", Style::Good),
        RunOutcome::Failed => ("Failed", Style::Bad),
        RunOutcome::Cancelled => ("Stopped", Style::Warn),
    };
    let text = format!("run {}   {}", short_id(&report.run), tally(report));
    let blank = if failures.is_empty() { "" } else { "\n" };
    let line = format!("{blank}{}", timed(terminal, style, word, &text, report.took));
    if report.outcome == RunOutcome::Succeeded {
        terminal.note(&line);
    } else {
        terminal.say(&line);
    }
}

/// What to type next, unless all went well.
pub fn next(terminal: Terminal, report: &Report) {
    if report.outcome != RunOutcome::Succeeded {
        terminal.say(&format!("{:WORD$} {}", "", advice(report)));
    }
}

/// The beginning of an id, enough to name it.
pub fn short_id(run: &str) -> String {
    if run.len() > 10 { format!("{}…", &run[..10]) } else { run.to_owned() }
}

fn tally(report: &Report) -> String {
    let of = |status| report.nodes.iter().filter(|node| node.status == status).count();
    let parts = [
        (of(Status::Succeeded), "succeeded"),
        (of(Status::Reused), "reused"),
        (of(Status::Failed), "failed"),
        (of(Status::Skipped), "skipped"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}

fn advice(report: &Report) -> String {
    let run = &report.run[..report.run.len().min(10)];
    let failed = |report: &&NodeReport| matches!(report.status, Status::Failed | Status::Skipped);
    let left = report.nodes.iter().filter(failed).count() as u64;
    let retry = format!("`engine retry` ({})", format::counted(left, "node"));
    let may_pass = report.nodes.iter().filter_map(|node| node.failure.as_ref()).all(|failure| failure.retry);
    let mut broken = report.nodes.iter().filter(|node| node.failure.is_some());
    let what = match (broken.next().map(|node| node.node.kind()), broken.next()) {
        (Some(NodeKind::Model), None) => "fix the model",
        (_, None) => "mend it",
        (_, Some(_)) => "mend them",
    };
    match report.outcome {
        RunOutcome::Cancelled => format!("what had ended is kept; {retry} goes on · `engine logs {run}`"),
        _ if may_pass => format!("it may pass: {retry} · `engine logs {run}`"),
        _ => format!("{what}, then {retry} · `engine logs {run}`"),
    }
}

#[cfg(test)]
mod tests;
