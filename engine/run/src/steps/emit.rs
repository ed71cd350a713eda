//! Messages of a generator, one by one.

use crate::{
    error::{Error, Result},
    location::{self, Place},
    runner::Runner,
    systems,
};
use datafusion::prelude::SessionContext;
use engine_connect::{
    connectors::generator::Generators,
    hub::{
        connection::Connection,
        publication::{Commit, Mode, PublishRequest, Target, Writers},
        source::ReadRequest,
    },
};
use engine_language::{graph::NodeId, name::Name};
use futures::StreamExt as _;
use std::{sync::Arc, time::Duration};

/// A generator's topic, and the row that comes next.
#[derive(Debug)]
pub struct Emitter {
    /// The generator.
    pub node: NodeId,
    /// How often it sends a message.
    pub every: Duration,
    /// The row that comes next.
    pub next: u64,
    place: Place,
    connection: Arc<dyn Connection>,
}

/// How often a generator sends a message; `None` of those that only fill tables.
pub fn every(runner: &Runner, node: &NodeId) -> Option<Duration> {
    let generator = runner.project().generator(node)?;
    generator.every.filter(|_| generator.into.is_some())
}

impl Emitter {
    /// Goes on behind what is in the topic already.
    pub async fn open(runner: &Runner, node: &NodeId, every: Duration) -> Result<Self> {
        let (place, connection) = runner.systems().locate(runner.project(), node)?;
        let rows = generators(runner)?.rows(name(node));
        let next = rows.max(sent(runner, node, &place, &connection).await?);
        Ok(Self { node: node.clone(), every, next, place, connection })
    }

    /// Sends the next row's message; answers how many there were. The caller holds the run lock.
    pub async fn send(&mut self, runner: &Runner) -> Result<u64> {
        let generators = generators(runner)?;
        let rows = generators.messages_of(name(&self.node), self.next..self.next + 1);
        let source = source(runner, &self.node);
        let target = Target {
            table: self.place.table.clone(),
            schema: rows.schema(),
            definition: generators.definition(name(&self.node)),
            mode: Mode::Append,
            declared: source.and_then(|source| systems::request(runner.project(), &source, &self.place).declared),
        };
        let publication = PublishRequest { run: ulid::Ulid::new().to_string(), tables: vec![target], pipeline: None };
        let publisher = self.connection.begin(publication).await?;
        let mut writer = publisher.writer(&self.place.table, Writers::Several).await?;
        let mut stream = SessionContext::new().read_table(rows)?.execute_stream().await?;
        while let Some(batch) = stream.next().await {
            writer.write(batch?).await?;
        }
        let count = writer.finish().await?;
        publisher.commit(Commit::default()).await?;
        self.next += 1;
        Ok(count)
    }
}

fn name(node: &NodeId) -> &Name {
    node.generator().expect("only generators send messages")
}

fn generators(runner: &Runner) -> Result<Arc<Generators>> {
    // A generator without `as_of` has the present as its `now`, so it is asked for each time.
    let generators = Generators::new(&runner.project().generators, runner.clock.now_us(), 1.0);
    generators.map_err(|problem| Error::Project(Box::new(problem)))
}

fn source(runner: &Runner, node: &NodeId) -> Option<NodeId> {
    let into = runner.project().generator(node)?.into.as_ref()?;
    Some(into.table_id().node())
}

/// How many messages are there already.
async fn sent(runner: &Runner, node: &NodeId, place: &Place, connection: &Arc<dyn Connection>) -> Result<u64> {
    let Some(source) = source(runner, node) else { return Ok(0) };
    let request = systems::request(runner.project(), &source, place);
    if connection.readable()?.describe(&request).await?.is_none() || location::of(runner.project(), &source).is_none() {
        return Ok(0);
    }
    let reading = connection.open(ReadRequest { tables: vec![request] }).await?;
    let session = SessionContext::new();
    let mut count = 0;
    for table in reading.tables {
        count += session.read_table(table.provider)?.count().await? as u64;
    }
    Ok(count)
}
