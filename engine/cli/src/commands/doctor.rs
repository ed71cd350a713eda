//! `engine doctor`: tries every connection.

use crate::{
    args::{Doctor, Output},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    terminal::{
        self, Style, format,
        report::{action, timed},
    },
};
use engine_connect::hub::{
    error::{Blame, Error},
    topics::Lag,
};
use engine_language::{graph::NodeId, name::Name, project::Project, template::RunInfo};
use engine_run::{
    lag,
    probe::{self, Examined},
    systems::Systems,
};
use futures::{StreamExt as _, stream};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A system that says nothing for so long is as good as down.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a try gave.
struct Tried {
    name: Name,
    took: Duration,
    found: Examined,
}

/// Tries every connection, and what the project reads and writes there, and says what is wrong and what to do.
pub fn doctor(context: &Context, args: &Doctor) -> Result {
    let mut loaded = context.load(RunInfo::NONE);
    let systems = Systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    context.draw(&loaded.project, &loaded.problems, loaded.took);
    if loaded.problems.has_errors() {
        return Err(CliError::Problems);
    }
    // Where that fails, the connections that need it will say so.
    let _ = context.made();
    let project = &loaded.project;
    let (tried, behind) = cancellable(context.terminal, |cancel| async move {
        let ask = async {
            let tried = try_all(project, &systems).await;
            (tried, all_behind(project, &systems).await)
        };
        tokio::select! {
            asked = ask => Ok(asked),
            () = cancel.cancelled() => Err(engine_run::error::Error::Cancelled.into()),
        }
    })?;
    for tried in &tried {
        match args.output {
            Output::Text => say(context, tried),
            Output::Json => terminal::write(&format!("{}\n", described(tried)))?,
        }
    }
    for stream in &behind {
        match args.output {
            Output::Text => stream.say(context),
            Output::Json => terminal::write(&format!("{}\n", stream.described()))?,
        }
    }
    let gaps = behind.iter().filter(|stream| stream.lag.is_err()).count();
    let failed = gaps + tried.iter().filter(|tried| !tried.found.wrong.is_empty()).count();
    Ok(if failed == 0 { ExitStatus::Done } else { ExitStatus::Failed })
}

async fn try_all(project: &Project, systems: &Systems) -> Vec<Tried> {
    let tries = systems.iter().map(|(name, _)| try_one(project, systems, name));
    let mut done: Vec<Tried> = stream::iter(tries.collect::<Vec<_>>()).buffer_unordered(8).collect().await;
    done.sort_by(|a, b| a.name.cmp(&b.name));
    done
}

async fn try_one(project: &Project, systems: &Systems, name: &Name) -> Tried {
    let started = Instant::now();
    let silent = || {
        let why = format!("no answer within {}", format::duration(PATIENCE));
        let error = Error::new(name, "connecting", Blame::System, why).later();
        Examined { wrong: vec![error], ..Examined::default() }
    };
    let found = match systems.get(name) {
        Ok(connection) => timeout(PATIENCE, probe::system(project, systems, name, connection)).await,
        Err(_) => Ok(Examined::default()),
    };
    Tried { name: name.clone(), took: started.elapsed(), found: found.unwrap_or_else(|_| silent()) }
}

/// A stream and how far it is behind, or why what comes next is gone.
struct Behind {
    stream: NodeId,
    lag: Result<(NodeId, Lag), Error>,
}

/// The streams whose systems answered; why the others did not was said.
async fn all_behind(project: &Project, systems: &Systems) -> Vec<Behind> {
    let mut all = vec![];
    for stream in lag::streams(project) {
        let asked = timeout(PATIENCE, lag::lag(project, systems, &stream)).await;
        match asked {
            Ok(Ok(Some(lag))) => all.push(Behind { stream, lag: Ok(lag) }),
            Ok(Err(engine_run::error::Error::Connect(error))) if error.blame == Blame::Gap => {
                all.push(Behind { stream, lag: Err(error) });
            }
            _ => {}
        }
    }
    all
}

impl Behind {
    fn say(&self, context: &Context) {
        let terminal = context.terminal;
        let (topic, lag) = match &self.lag {
            Ok(lag) => lag,
            Err(error) => {
                let text = format!("{:<22} {}: {}", self.stream.name(), error.doing, error.source);
                terminal.say(&action(terminal, Style::Bad, "Failed", &text));
                let hint = error.hint.as_deref().unwrap_or_default();
                return terminal.say(&action(terminal, Style::Blue, "help", &format!("{:<22} {hint}", "")));
            }
        };
        let parts = lag.iter().filter(|(_, behind)| **behind > 0);
        let parts: Vec<String> =
            parts.map(|(partition, behind)| format!("{partition}: {}", format::count(*behind))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        let behind = format::counted(lag.values().sum(), "event");
        let text = format!("{:<22} {}, {behind} behind{parts}", self.stream.name(), topic.name());
        terminal.note(&action(terminal, Style::Good, "Follows", &text));
    }

    fn described(&self) -> serde_json::Value {
        let found = self.lag.as_ref().ok();
        json!({
            "stream": self.stream.name(),
            "topic": found.map(|(topic, _)| topic.name()),
            "lag": found.map(|(_, lag)| lag),
            "error": self.lag.as_ref().err().map(ToString::to_string),
        })
    }
}

fn say(context: &Context, tried: &Tried) {
    let (terminal, found) = (context.terminal, &tried.found);
    if let Some(what) = &found.what {
        let tables = format::counted(found.tables as u64, "table");
        let text = format!("{:<22} {what}, {tables}", tried.name.as_str());
        terminal.note(&timed(terminal, Style::Good, "Reached", &text, tried.took));
    }
    for error in &found.wrong {
        let text = format!("{:<22} {}: {}", tried.name.as_str(), error.doing, error.source);
        terminal.say(&timed(terminal, Style::Bad, "Failed", &text, tried.took));
        if let Some(hint) = &error.hint {
            terminal.say(&action(terminal, Style::Blue, "help", &format!("{:<22} {hint}", "")));
        }
    }
}

fn described(tried: &Tried) -> serde_json::Value {
    let found = &tried.found;
    let error = found.wrong.first();
    json!({
        "connection": tried.name.as_str(),
        "ok": error.is_none(),
        "system": found.what,
        "tables": found.what.as_ref().map(|_| found.tables),
        "error": error.map(ToString::to_string),
        "hint": error.and_then(|error| error.hint.as_deref()),
        "errors": found.wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "took": tried.took.as_secs_f64(),
    })
}
