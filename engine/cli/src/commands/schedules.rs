//! `engine schedules`: when schedules run, in words, in times, and simulated.

use crate::{
    args::{Output, Schedules},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    run_session,
    terminal::format::utc,
    terminal::{self, Style, format},
};
use engine_language::{config::schedule::Trigger, name::Name, project::Project, template::RunInfo};
use engine_run::{
    clock::{self, Clock as _, SystemClock},
    history::History,
    schedule::{
        describe,
        memory_store::MemoryStore,
        record::ScheduleRecord,
        simulate::{Simulated, Simulation, World},
        times::Times,
    },
};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

/// Says when each schedule runs, or what would happen.
pub fn schedules(context: &Context, args: &Schedules) -> Result {
    let project = context.load_good(RunInfo::NONE)?.project;
    if project.schedules.is_empty() {
        let hint = "write one into project/schedules.toml: `[all]` and below it `every = \"10m\"`";
        return Err(CliError::usage("the project has no schedules", hint.to_owned()));
    }
    let history = run_session::remembered(context)?;
    let records = history.schedules(project.target.as_str())?;
    let listed = Listed { context, project: &project, history: &history, records: &records, output: args.output };
    let text = match args.simulate {
        Some(span) => listed.simulated(span)?,
        None => listed.next(usize::from(args.next)),
    };
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}

struct Listed<'a> {
    context: &'a Context,
    project: &'a Project,
    history: &'a History,
    records: &'a BTreeMap<String, ScheduleRecord>,
    output: Output,
}

impl Listed<'_> {
    /// Each schedule in words, with its next times.
    fn next(&self, count: usize) -> String {
        let now = SystemClock.now_us();
        let colour = self.context.terminal.data_colour;
        let width = self.width();
        let mut text = String::new();
        for (name, schedule) in &self.project.schedules {
            let times: Vec<i64> = Times::of(&schedule.trigger).after(now).take(count).map(|tick| tick.at_us).collect();
            let paused = self.records.get(name.as_str()).and_then(|record| record.paused.clone());
            if self.output == Output::Json {
                let value = json!({
                    "schedule": name.as_str(),
                    "when": describe::trigger(&schedule.trigger),
                    "select": schedule.select.iter().map(|one| &one.value).collect::<Vec<_>>(),
                    "paused_by": paused.map(|(_, by)| by),
                    "next": times.iter().map(|at| utc(*at)).collect::<Vec<_>>(),
                });
                text.extend([format!("{value}\n")]);
                continue;
            }
            let when = describe::trigger(&schedule.trigger);
            let next: Vec<String> = times.iter().map(|at| clock::short(*at, now)).collect();
            let paused = paused.map(|(_, by)| Style::Warn.paint(colour, &format!("   paused by {by}")));
            let line =
                format!("{:<width$}  {when:<38}  {}{}", name.as_str(), next.join("  "), paused.unwrap_or_default());
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn width(&self) -> usize {
        self.project.schedules.keys().map(|name| name.as_str().chars().count()).max().unwrap_or(0).clamp(8, 44)
    }

    /// What would happen, in one line a schedule.
    fn simulated(&self, span: Duration) -> Result<String> {
        let from_us = SystemClock.now_us();
        let mut usual: BTreeMap<&Name, i64> = BTreeMap::new();
        for name in self.project.schedules.keys() {
            let took = self.history.usual_duration(name.as_str())?.unwrap_or(Duration::from_secs(1));
            usual.insert(name, i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        }
        let decided = self.project.schedules.keys().map(|name| {
            let record = self.records.get(name.as_str());
            (name.to_string(), record.and_then(|record| record.decided_us))
        });
        let store = MemoryStore::new(decided, from_us);
        let simulation = Simulation {
            schedules: &self.project.schedules,
            from_us,
            until_us: from_us.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
            runs: self.project.settings.limits.runs,
            down: &[],
            world: &Usual(usual),
        };
        let runs = simulation.run(&store);
        let mut text = String::new();
        if self.output == Output::Json {
            for run in &runs {
                text.extend([format!("{}\n", run_json(run))]);
            }
            return Ok(text);
        }
        let width = self.width();
        let header = format!(
            "{:<width$}  {:>7}  {:<16}  {:<16}  {:>9}  {:>9}\n",
            "schedule", "runs", "first", "last", "busy", "waits"
        );
        text.push_str(&Style::Dim.paint(self.context.terminal.data_colour, &header));
        for (name, schedule) in &self.project.schedules {
            let of: Vec<&Simulated> = runs.iter().filter(|run| run.schedule == *name).collect();
            let facts = line(&of, schedule.trigger == Trigger::Continuous, from_us);
            text.extend([format!("{:<width$}  {facts}", name.as_str())]);
        }
        self.context.terminal.note(&format!(
            "simulated {}, each run as long as those before it took in the middle; nothing was run",
            humantime::format_duration(span)
        ));
        Ok(text)
    }
}

/// Runs take as long as those before them took in the middle.
struct Usual<'a>(BTreeMap<&'a Name, i64>);

impl World for Usual<'_> {
    fn took_us(&self, schedule: &Name, _at_us: i64) -> i64 {
        self.0[schedule]
    }
}

fn line(runs: &[&Simulated], continuous: bool, now: i64) -> String {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return format!("{:>7}\n", if continuous { "always" } else { "0" });
    };
    let duration = |us: i64| format::duration(Duration::from_micros(us.max(0).unsigned_abs()));
    let busy: i64 = runs.iter().map(|run| run.ended_us - run.started_us).sum();
    // What was due before the simulation began waited for it, and not for others.
    let longest = runs.iter().map(|run| run.started_us - run.tick.at_us.max(now)).max().unwrap_or(0);
    format!(
        "{:>7}  {:<16}  {:<16}  {:>9}  {:>9}\n",
        format::count(runs.len() as u64),
        clock::short(first.started_us, now),
        clock::short(last.started_us, now),
        duration(busy),
        duration(longest)
    )
}

fn run_json(run: &Simulated) -> serde_json::Value {
    json!({
        "schedule": run.schedule.as_str(),
        "due_at": utc(run.tick.at_us),
        "interval_start": utc(run.tick.from_us),
        "started_at": utc(run.started_us),
        "ended_at": utc(run.ended_us),
    })
}
