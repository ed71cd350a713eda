//! Messages one by one, each `every`, until Ctrl-C.

use crate::{
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::{self, Ready, RunOptions},
    terminal::{Style, format, report::action},
};
use engine_language::graph::NodeId;
use engine_run::{history::History, steps::emit::Emitter};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Sends a message of each generator that has `every`, again and again.
pub fn forever(context: &Context, ready: &Ready, nodes: &BTreeSet<NodeId>) -> Result {
    let timed = nodes.iter().filter_map(|node| Some((node, ready.project.generator(node)?.every?)));
    let timed: Vec<(&NodeId, Duration)> = timed.collect();
    if timed.is_empty() {
        let hint = "give the generator `every = \"5s\"`, or leave `--forever` out".to_owned();
        return Err(CliError::usage("none of the selected generators has `every`", hint));
    }
    cancellable(context.terminal, async |cancel| {
        let runner = ready.runner(context, Arc::new(History::open(&context.made()?)?), RunOptions::default())?;
        let mut topics = vec![];
        for (node, every) in timed {
            topics.push((Instant::now(), Emitter::open(&runner, node, every).await?));
        }
        while let Some((due, topic)) = topics.iter_mut().min_by_key(|(due, _)| *due) {
            tokio::select! {
                () = sleep_until(*due) => {}
                () = cancel.cancelled() => break,
            }
            *due += topic.every;
            // Runs and messages take turns.
            let lock = run_session::lock(context, &context.made()?, &cancel).await?;
            let count = topic.send(&runner).await?;
            drop(lock);
            let (name, count) = (topic.node.name(), format::counted(count, "message"));
            let said = format!("{name:<22} {count}, row {}", format::count(topic.next));
            context.terminal.note(&action(context.terminal, Style::Good, "Generated", &said));
        }
        Ok(ExitStatus::Interrupted)
    })
}
