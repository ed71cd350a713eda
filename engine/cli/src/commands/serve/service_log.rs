//! What a service says on stderr: a line for each thing that happens, for people or for programs.

use super::for_people;
use crate::{
    args::LogOutput,
    context::Context,
    terminal::format::utc,
    terminal::{
        Style,
        diagnostic::machine,
        format,
        report::{action, short_id, timed},
    },
};
use engine_language::{diagnostic::Problems, project::Project};
use engine_run::{
    clock::{Clock as _, SystemClock},
    event::Event,
    report::{Report, RunOutcome, Status},
    service::{Reading, Service, Watcher, Work},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

/// Says what happens.
#[derive(Debug)]
pub struct ServiceLog {
    context: Context,
    log: LogOutput,
}

impl ServiceLog {
    /// In this form.
    pub fn new(context: &Context, log: LogOutput) -> Self {
        Self { context: context.clone(), log }
    }

    /// The service is there.
    pub fn serving(&self, service: &Service, address: SocketAddr, url: Option<&str>) {
        let project = service.reading().project.clone();
        let shown = url.map_or_else(|| format!("http://{address}"), str::to_owned);
        let schedules = format::counted(project.schedules.len() as u64, "schedule");
        let text = format!("{shown}   {schedules}, target {}   Ctrl-C ends", project.target);
        self.say(
            Style::Good,
            "Serving",
            &text,
            &json!({ "event": "serving", "url": shown, "target": project.target.as_str() }),
        );
    }

    /// The service is gone.
    pub fn stopped(&self) {
        self.say(
            Style::Blue,
            "Stopped",
            "what was at work has ended or goes on with the next start",
            &json!({ "event": "stopped" }),
        );
    }

    /// Files were saved.
    pub fn saved(&self, shown: &[String]) {
        self.say(Style::Blue, "Saved", &shown.join(", "), &json!({ "event": "saved", "files": shown }));
    }

    /// The project was read again and is good.
    pub fn reloaded(&self, took: Duration) {
        let text = format!("the project   {}", format::duration(took));
        self.say(Style::Good, "Reloaded", &text, &json!({ "event": "reloaded" }));
    }

    /// The project was read again and is broken.
    pub fn kept(&self, project: &Project, problems: &Problems) {
        if for_people(self.log) {
            self.context.draw(project, problems, Duration::ZERO);
        }
        let said: Vec<Value> =
            problems.iter().map(|problem| machine::json(problem, &project.files, &self.context.shown_root)).collect();
        let line = json!({ "event": "broken", "problems": said });
        self.say(Style::Warn, "Kept", "the last good project runs on, until this is mended", &line);
    }

    fn say(&self, style: Style, word: &str, text: &str, line: &Value) {
        if for_people(self.log) {
            return self.context.terminal.note(&action(self.context.terminal, style, word, text));
        }
        self.json(line);
    }

    fn json(&self, line: &Value) {
        let mut line = line.clone();
        line["at"] = json!(utc(SystemClock.now_us()));
        self.context.terminal.say(&line.to_string());
    }
}

impl Watcher for ServiceLog {
    fn hear(&self, work: &Work, _: i64, event: &Event) {
        let Event::RunStarted { run, steps } = event else { return };
        let line = json!({ "event": "run_started", "run": run, "schedule": work.schedule, "steps": steps });
        let text = format!("{}   run {}", name(work), short_id(run));
        self.say(Style::Blue, "Started", &text, &line);
    }

    fn ended(&self, work: &Work, reading: &Reading, report: &Report) {
        let (word, style, outcome) = match report.outcome {
            RunOutcome::Succeeded => ("Succeeded", Style::Good, "succeeded"),
            RunOutcome::Failed => ("Failed", Style::Bad, "failed"),
            RunOutcome::Cancelled => ("Stopped", Style::Warn, "cancelled"),
        };
        if !for_people(self.log) {
            return self.json(&json!({
                "event": "run_finished",
                "run": report.run,
                "schedule": work.schedule,
                "outcome": outcome,
                "took": report.took.as_secs_f64(),
                "failed": report.nodes.iter().filter(|node| node.status == Status::Failed)
                    .map(|node| node.node.to_string()).collect::<Vec<_>>(),
            }));
        }
        let terminal = self.context.terminal;
        for failure in report.nodes.iter().filter_map(|node| node.failure.as_ref()) {
            let drawn = self.context.drawing().diagnostic(&failure.diagnostic, &reading.project.files);
            terminal.say(&reading.mask.text(&drawn));
        }
        let of = |status| report.nodes.iter().filter(|node| node.status == status).count();
        let parts = [
            (of(Status::Succeeded), "made"),
            (of(Status::Reused), "reused"),
            (of(Status::Failed), "failed"),
            (of(Status::Skipped), "skipped"),
        ];
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        let text = format!("{}   run {}   {}", name(work), short_id(&report.run), parts.join(", "));
        terminal.note(&timed(terminal, style, word, &text, report.took));
    }
}

fn name(work: &Work) -> String {
    let by = work.job.as_ref().and_then(|job| job.asked_by.as_deref());
    match (&work.schedule, by) {
        (Some(schedule), None) => schedule.clone(),
        (Some(schedule), Some(by)) => format!("{schedule}, asked for by {by}"),
        (None, by) => format!("asked for by {}", by.unwrap_or("somebody")),
    }
}
