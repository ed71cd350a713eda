//! `engine doctor`: tries every connection.

use crate::{
    args::{Doctor, Output},
    context::Context,
    interrupt::cancellable,
    report::{action, timed},
    stop::{Exit, Result, Stop},
    terminal::{self, Style},
    words,
};
use engine_connect::{connector::Connection, error::Error};
use engine_language::{name::Name, template::RunInfo};
use engine_run::systems::Systems;
use futures::{StreamExt as _, stream};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A system that says nothing for so long is as good as down.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a try gave.
struct Tried {
    name: Name,
    took: Duration,
    result: Result<Found, Error>,
}

/// A system that answered.
struct Found {
    what: String,
    tables: usize,
}

/// Tries every connection and says what is wrong and what to do.
pub fn doctor(context: &Context, args: &Doctor) -> Result {
    let mut loaded = context.load(RunInfo::NONE);
    let systems = Systems::connect(&loaded.project, &context.root, &mut loaded.problems);
    context.draw(&loaded.project, &loaded.problems, loaded.took);
    if loaded.problems.has_errors() {
        return Err(Stop::Problems);
    }
    // Where that fails, the connections that need it will say so.
    let _ = context.made();
    let tried = cancellable(context.terminal, |cancel| async move {
        tokio::select! {
            tried = try_all(&systems) => Ok(tried),
            () = cancel.cancelled() => Err(engine_run::error::Error::Cancelled.into()),
        }
    })?;
    for tried in &tried {
        match args.output {
            Output::Text => say(context, tried),
            Output::Json => terminal::write(&format!("{}\n", described(tried)))?,
        }
    }
    let failed = tried.iter().filter(|tried| tried.result.is_err()).count();
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

async fn try_all(systems: &Systems) -> Vec<Tried> {
    let tries = systems.iter().map(|(name, connection)| try_one(name.clone(), connection.clone()));
    let mut done: Vec<Tried> = stream::iter(tries.collect::<Vec<_>>()).buffer_unordered(8).collect().await;
    done.sort_by(|a, b| a.name.cmp(&b.name));
    done
}

async fn try_one(name: Name, connection: Arc<dyn Connection>) -> Tried {
    let started = Instant::now();
    let ask = async {
        let what = connection.ping().await?;
        let tables = connection.tables().await?.len();
        Ok(Found { what, tables })
    };
    let silent = || {
        let blame = engine_connect::error::Blame::System;
        Err(Error::new(&name, "connecting", blame, format!("no answer within {}", words::duration(PATIENCE))).later())
    };
    let result = timeout(PATIENCE, ask).await.unwrap_or_else(|_| silent());
    Tried { name, took: started.elapsed(), result }
}

fn say(context: &Context, tried: &Tried) {
    let terminal = context.terminal;
    match &tried.result {
        Ok(found) => {
            let tables = words::counted(found.tables as u64, "table");
            let text = format!("{:<22} {}, {tables}", tried.name.as_str(), found.what);
            terminal.note(&timed(terminal, Style::Good, "Reached", &text, tried.took));
        }
        Err(error) => {
            let text = format!("{:<22} {}: {}", tried.name.as_str(), error.doing, error.source);
            terminal.say(&timed(terminal, Style::Bad, "Failed", &text, tried.took));
            if let Some(hint) = &error.hint {
                terminal.say(&action(terminal, Style::Blue, "help", &format!("{:<22} {hint}", "")));
            }
        }
    }
}

fn described(tried: &Tried) -> serde_json::Value {
    let error = tried.result.as_ref().err();
    let found = tried.result.as_ref().ok();
    json!({
        "connection": tried.name.as_str(),
        "ok": error.is_none(),
        "system": found.map(|found| found.what.as_str()),
        "tables": found.map(|found| found.tables),
        "error": error.map(ToString::to_string),
        "hint": error.and_then(|error| error.hint.as_deref()),
        "took": tried.took.as_secs_f64(),
    })
}
