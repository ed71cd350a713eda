//! Messages one by one, each `every`, until Ctrl-C.

use crate::{
    context::Context,
    interrupt::cancellable,
    report::action,
    stop::{Exit, Result, Stop},
    terminal::Style,
    words,
    work::{self, Ready, Wish},
};
use engine_connect::{
    connector::Connection,
    generator::Generators,
    publish::{Commit, Mode, Publication, Target},
    read::ReadRequest,
};
use engine_language::{
    config::generator::Generator,
    graph::{NodeId, NodeKind},
};
use engine_run::{
    clock::{Clock as _, SystemClock},
    history::History,
    place::{self, Place},
    runner::Runner,
    systems,
};
use futures::StreamExt as _;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Sends a message of each generator that has `every`, again and again.
pub fn forever(context: &Context, ready: &Ready, nodes: &BTreeSet<NodeId>) -> Result {
    let timed = nodes.iter().filter_map(|node| Some((node, ready.project.generators.get(&node.name)?.every?)));
    let timed: Vec<(&NodeId, Duration)> = timed.collect();
    if timed.is_empty() {
        let hint = "give the generator `every = \"5s\"`, or leave `--forever` out".to_owned();
        return Err(Stop::usage("none of the selected generators has `every`", hint));
    }
    cancellable(context.terminal, async |cancel| {
        let runner = ready.runner(context, Arc::new(History::open(&context.made()?)?), Wish::default())?;
        let mut topics = vec![];
        for (node, every) in timed {
            topics.push(Topic::open(&runner, node, every).await?);
        }
        while let Some(topic) = topics.iter_mut().min_by_key(|topic| topic.due) {
            tokio::select! {
                () = sleep_until(topic.due) => topic.send(context, &runner, &cancel).await?,
                () = cancel.cancelled() => break,
            }
        }
        Ok(Exit::Interrupted)
    })
}

/// A topic and the row that comes next.
struct Topic<'a> {
    node: &'a NodeId,
    every: Duration,
    due: Instant,
    place: Place,
    connection: Arc<dyn Connection>,
    next: u64,
}

impl<'a> Topic<'a> {
    async fn open(runner: &Runner, node: &'a NodeId, every: Duration) -> Result<Self> {
        let (place, connection) = runner.systems().locate(runner.project(), node)?;
        let rows = generators(runner)?.rows(&node.name);
        let next = rows.max(sent(runner, node, &place, &connection).await?);
        Ok(Self { node, every, due: Instant::now(), place, connection, next })
    }

    /// Sends the next row's message. Runs and messages take turns.
    async fn send(&mut self, context: &Context, runner: &Runner, cancel: &CancellationToken) -> Result<()> {
        self.due += self.every;
        let _lock = work::lock(context, &context.made()?, cancel).await?;
        let generators = generators(runner)?;
        let rows = generators.messages_of(&self.node.name, self.next..self.next + 1);
        let target = Target {
            table: self.place.table.clone(),
            schema: rows.schema(),
            definition: generators.definition(&self.node.name),
            mode: Mode::Append,
            declared: source(runner, self.node)
                .and_then(|source| systems::request(runner.project(), &source, &self.place).declared),
        };
        let publication = Publication { run: work::run_info().id, tables: vec![target], pipeline: None };
        let publisher = self.connection.write(publication).await?;
        let mut writer = publisher.writer(&self.place.table).await?;
        let session = datafusion::prelude::SessionContext::new();
        let mut stream = session.read_table(rows)?.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            writer.write(batch?).await?;
        }
        let count = writer.finish().await?;
        publisher.commit(Commit::default()).await?;
        self.next += 1;
        let said =
            format!("{:<22} {}, row {}", self.node.name, words::counted(count, "message"), words::count(self.next));
        context.terminal.note(&action(context.terminal, Style::Good, "Generated", &said));
        Ok(())
    }
}

fn generators(runner: &Runner) -> Result<Arc<Generators>> {
    // A generator without `as_of` has the present as its `now`, so it is asked for each time.
    let generators = Generators::new(&runner.project().generators, SystemClock.now_us(), 1.0);
    generators.map_err(|problem| engine_run::error::Error::Project(Box::new(problem)).into())
}

fn source(runner: &Runner, node: &NodeId) -> Option<NodeId> {
    let into = runner.project().generators.get(&node.name).and_then(|generator: &Generator| generator.into.as_ref())?;
    Some(NodeId::new(NodeKind::Source, format!("{}.{}", into.source, into.table)))
}

/// How many messages are there already.
async fn sent(runner: &Runner, node: &NodeId, place: &Place, connection: &Arc<dyn Connection>) -> Result<u64> {
    let Some(source) = source(runner, node) else { return Ok(0) };
    let request = systems::request(runner.project(), &source, place);
    if connection.describe(&request).await?.is_none() || place::of(runner.project(), &source).is_none() {
        return Ok(0);
    }
    let reading = connection.read(ReadRequest { tables: vec![request] }).await?;
    let session = datafusion::prelude::SessionContext::new();
    let mut count = 0;
    for table in reading.tables {
        count += session.read_table(table.provider)?.count().await? as u64;
    }
    Ok(count)
}
