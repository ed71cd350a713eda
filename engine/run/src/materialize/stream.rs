//! Stream models: micro-batches of a topic, each committed with its rejected rows and the topic's position.

use super::{mode, rows};
use crate::{
    blame, check, copy,
    error::{Error, Result},
    inputs, place,
    report::{NodeReport, Status},
    step::StepRun,
    systems,
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    datasource::MemTable,
    error::DataFusionError,
    physical_plan::collect,
};
use engine_connect::{
    connector::Connection,
    position::Position,
    publish::{Advance, Commit, Mode, Publication, Target},
    read::{BatchLimit, OpenTable, ReadRequest},
};
use engine_language::{
    code,
    diagnostic::Diagnostic,
    graph::{NodeId, NodeKind},
    model::Model,
    name::Name,
    template::Rendered,
};
use std::{sync::Arc, time::Duration};

/// Bytes of a micro-batch.
const BATCH_BYTES: u64 = 64 << 20;

/// Reads to the present end of the topic; under a full refresh from its beginning, over the rows of the same keys. A
/// table without a key begins anew then, for rows would come twice.
pub async fn follow(run: &StepRun, node: &NodeId, model: &Model) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    let topic = topic(run, model)?;
    let (place, target) = run.locate(node)?;
    let pipeline = node.name.clone();
    let mut report = NodeReport::new(node.clone(), Status::Reused, began);
    (report.rows, report.events) = (Some(0), Some(0));
    let mut position = target.position(&pipeline).await?;
    let mut again = run.runner.options.full_refresh && position.is_some();
    loop {
        let since = position.clone().filter(|_| !again);
        let open = read(run, &topic, since).await?;
        let (next, more) = (open.next.clone(), open.more);
        let Some(next) = next.filter(|next| again || Some(next) != position.as_ref()) else { break };
        let mode = if again && model.config.key.is_empty() { Mode::Replace } else { mode(model) };
        again = false;
        let batch = Batch { run, node, model, topic: &topic, pipeline: &pipeline, mode };
        batch.write(open, &target, &place.table, Advance { from: position, to: next.clone() }, &mut report).await?;
        report.status = Status::Succeeded;
        position = Some(next);
        if !more {
            break;
        }
    }
    run.tokens.forget(&place);
    if report.status == Status::Reused {
        report.note = Some("no new events".into());
    } else {
        report.done = "Streamed";
    }
    run.remember(node, None, None, report.rows)?;
    report.took = run.runner.since(began);
    Ok(report)
}

/// The topic that a stream model reads: the one source whose connection has a moving end.
fn topic(run: &StepRun, model: &Model) -> Result<NodeId> {
    let mut topics = model.rendered.reads.iter().filter(|read| {
        let streams = |node: &NodeId| {
            let place = place::of(&run.runner.project, node)?;
            Some(run.runner.systems.get(&place.connection).ok()?.abilities().stream)
        };
        read.value.kind == NodeKind::Source && streams(&read.value) == Some(true)
    });
    let wrong = |message: String| {
        let problem = Diagnostic::error(&code::E0310, model.config.span, message);
        Error::Project(Box::new(problem.hint("a stream model reads exactly one topic, by `source(…)`")))
    };
    match (topics.next(), topics.next()) {
        (Some(topic), None) => Ok(topic.value.clone()),
        (None, _) => Err(wrong(format!("the stream model `{}` reads no topic", model.name))),
        (Some(_), Some(_)) => Err(wrong(format!("the stream model `{}` reads more than one topic", model.name))),
    }
}

async fn read(run: &StepRun, topic: &NodeId, since: Option<Position>) -> Result<OpenTable> {
    let (place, connection) = run.locate(topic)?;
    let limit = BatchLimit {
        rows: run.runner.project.settings.limits.batch_rows,
        bytes: BATCH_BYTES,
        time: Duration::from_millis(500),
    };
    let mut request = systems::request(&run.runner.project, topic, &place);
    (request.since, request.limit) = (since, Some(limit));
    let mut reading = connection.read(ReadRequest { tables: vec![request] }).await?;
    Ok(reading.tables.pop().expect("one table was asked for"))
}

/// One micro-batch.
struct Batch<'a> {
    run: &'a StepRun,
    node: &'a NodeId,
    model: &'a Model,
    topic: &'a NodeId,
    pipeline: &'a Name,
    mode: Mode,
}

impl Batch<'_> {
    async fn write(
        &self,
        open: OpenTable,
        target: &Arc<dyn Connection>,
        table: &Name,
        advance: Advance,
        report: &mut NodeReport,
    ) -> Result<()> {
        let session = self.run.runner.sessions.open();
        let rendered = self.rendered()?;
        // Tables of other systems are read as they are at this batch.
        let mut others = rendered.clone();
        others.reads.retain(|read| read.value != *self.topic);
        inputs::open(&self.run.runner, &session, &others).await?;
        let located = |error: DataFusionError| blame::in_model(&rendered, error, self.node);
        let events = session.context.read_table(open.provider)?;
        let plan = events.create_physical_plan().await?;
        let messages = collect(plan, session.context.task_ctx()).await.map_err(located)?;
        let schema = open_schema(&messages, &session, self)?;
        let (source, name) = inputs::names(&self.run.runner, self.topic);
        let events = messages.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        if let Some(schema) = schema {
            let memory = MemTable::try_new(schema, vec![messages])?;
            session.register(source.as_str(), name.as_str(), Arc::new(memory))?;
        }
        let rejected = open.rejected.take();
        let frame = session.query(&rendered.sql).await.map_err(located)?;
        let schema = copy::schema(frame.schema().inner()).map_err(|error| rows::at_model(error, self.model))?;
        let made = frame.collect().await.map_err(located)?;
        let made: Vec<RecordBatch> = made.iter().map(|batch| copy::carried(batch, &schema)).collect::<Result<_>>()?;
        let checks = self.check(&session, &made, &schema).await?;
        let mode = self.mode.clone();
        let definition = rows::definition(self.model, &schema);
        let publication = Publication {
            run: self.run.run.id.clone(),
            tables: vec![Target { table: table.clone(), schema, definition, mode, declared: None }],
            pipeline: Some(self.pipeline.clone()),
        };
        let publisher = target.write(publication).await?;
        let mut writer = publisher.writer(table).await?;
        let mut written = 0;
        for batch in made {
            report.bytes += batch.get_array_memory_size() as u64;
            written += batch.num_rows() as u64;
            writer.write(batch).await?;
        }
        writer.finish().await?;
        let refused = rejected.len() as u64;
        publisher.commit(Commit { advance: Some(advance), rejected, ..Commit::default() }).await?;
        report.rejected += refused;
        report.rows = report.rows.map(|rows| rows + written);
        report.events = report.events.map(|before| before + events + refused);
        report.checks = checks;
        Ok(())
    }

    fn rendered(&self) -> Result<Rendered> {
        if !self.model.rendered.uses_run && !self.model.rendered.uses_incremental {
            return Ok(self.model.rendered.clone());
        }
        let outcome = self.run.runner.project.render(self.model, &self.run.run, true);
        outcome.map(|outcome| outcome.rendered).map_err(|problem| Error::Project(Box::new(problem)))
    }

    async fn check(
        &self,
        session: &crate::session::Session,
        made: &[RecordBatch],
        schema: &SchemaRef,
    ) -> Result<Vec<crate::report::CheckReport>> {
        let rows = Arc::new(MemTable::try_new(schema.clone(), vec![made.to_vec()])?);
        let checks = check::run(&self.run.runner, session, &self.node.name, rows, &self.model.config.checks).await?;
        match check::first_broken(&checks) {
            Some(broken) => Err(check::broken(&self.node.name, broken)),
            None => Ok(checks),
        }
    }
}

/// The messages' schema; a batch of nothing but rejected messages has none, and then the topic's own is used.
fn open_schema(
    messages: &[RecordBatch],
    session: &crate::session::Session,
    batch: &Batch<'_>,
) -> Result<Option<SchemaRef>> {
    if let Some(first) = messages.first() {
        return Ok(Some(first.schema()));
    }
    let definition = batch.run.runner.project.tables.get(&batch.topic.name);
    let schema = definition.map(engine_connect::types::schema);
    if let Some(schema) = &schema {
        let (source, name) = inputs::names(&batch.run.runner, batch.topic);
        let empty = MemTable::try_new(schema.clone(), vec![vec![]])?;
        session.register(source.as_str(), name.as_str(), Arc::new(empty))?;
    }
    Ok(None)
}
