//! One micro-batch: the model's SQL over its messages, and one transaction of the target.

use super::{ErrorBudget, parts::Parts};
use crate::{
    check,
    error::{Error, Result},
    inputs,
    location::Place,
    report::{CheckReport, NodeReport},
    sql::{
        classify_error,
        operators::{self, Operator},
        session::Session,
        system_error,
    },
    steps::{step_run::StepRun, table, write_mode::write_mode, write_rows},
};
use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        compute::concat_batches,
        datatypes::{Int32Type, Int64Type, SchemaRef},
    },
    datasource::MemTable,
    error::DataFusionError,
    physical_plan::collect,
};
use engine_connect::hub::{
    connection::Connection,
    error::Blame,
    position::Position,
    publication::{Advance, Commit, DeadLetter, Mode, Publication, PublishRequest, Target, Writer, Writers},
    rejected::RejectedRow,
    source::{OpenTable, TableRequest},
    topics::Offsets,
};
use engine_language::{graph::NodeId, model::Model, rendered::Rendered};
use std::sync::Arc;

/// A stream model and where its rows go.
pub struct Sink<'a> {
    pub run: &'a StepRun,
    pub node: &'a NodeId,
    pub model: &'a Model,
    pub place: Place,
    pub target: Arc<dyn Connection>,
}

/// What was read of a topic.
pub struct Messages {
    /// The good ones, in their order.
    pub good: RecordBatch,
    /// Those that could not be read.
    pub rejected: Vec<RejectedRow>,
}

/// What is to be written.
pub struct Batch<'a> {
    /// The topic.
    pub topic: &'a NodeId,
    /// Its system.
    pub source: &'a Arc<dyn Connection>,
    /// The reading of the messages.
    pub request: TableRequest,
    /// The move of the position.
    pub advance: Advance,
    /// What becomes of the rows that are there.
    pub mode: Mode,
}

impl Batch<'_> {
    /// Where its reader stands behind these offsets; `None` where the source cannot say.
    async fn passed(&self, next: &Offsets) -> Result<Option<Position>> {
        let Some(topics) = self.source.topics() else { return Ok(None) };
        Ok(topics.passed(&self.request, next).await?)
    }

    /// A message as it is rejected; `None` if it is not to be had.
    async fn message(&self, at: (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
        let Some(topics) = self.source.topics() else { return Ok(None) };
        Ok(topics.message(&self.request, at, reason).await?)
    }
}

/// A part of a batch that is committed by itself.
pub struct Part {
    /// Its good messages.
    pub messages: RecordBatch,
    /// The move of the position, if it moves.
    pub advance: Option<Advance>,
    /// Those that go to the dead letters.
    pub rejected: Vec<RejectedRow>,
    /// Dead letters that go.
    pub settled: Vec<DeadLetter>,
    /// What becomes of the rows that are there.
    pub mode: Mode,
}

/// Why a part was not committed.
pub enum CommitError {
    /// Its rows are refused; fewer of them may not be. The message that is to blame, if that is known.
    Rows(Error, Option<usize>),
    /// Whatever its rows are.
    Whole(Error),
}

/// What a model makes of messages.
pub struct Made {
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
    operators: Vec<Operator>,
    checks: Vec<CheckReport>,
}

/// What is said of rows, once they are committed.
#[derive(Default)]
pub struct Tally {
    rows: u64,
    bytes: u64,
    operators: Vec<Operator>,
    checks: Vec<CheckReport>,
}

impl Made {
    /// Writes its rows.
    pub async fn write(&self, writer: &mut dyn Writer) -> Result<(), CommitError> {
        for batch in &self.batches {
            writer.write(batch.clone()).await.map_err(blamed)?;
        }
        Ok(())
    }

    /// What is to be said of its rows, which are staged.
    pub fn tally(self) -> Tally {
        let rows: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = self.batches.iter().map(RecordBatch::get_array_memory_size).sum();
        Tally { rows: rows as u64, bytes: bytes as u64, operators: self.operators, checks: self.checks }
    }
}

impl Tally {
    /// Adds what is to be said of rows that came later.
    pub fn add(&mut self, later: Self) {
        *self = Self { rows: self.rows + later.rows, bytes: self.bytes + later.bytes, ..later };
    }

    /// Counts the rows.
    pub fn count(self, report: &mut NodeReport) {
        report.bytes += self.bytes;
        report.rows = report.rows.map(|rows| rows + self.rows);
        (report.checks, report.operators) = (self.checks, self.operators);
    }
}

/// Counts messages that were committed, and those of the dead letters with them.
pub fn count(report: &mut NodeReport, messages: usize, rejected: usize) {
    report.rejected += rejected as u64;
    report.events = report.events.map(|before| before + (messages + rejected) as u64);
}

/// Whether the rows are to blame for an error of the target.
pub fn blamed(error: engine_connect::hub::error::Error) -> CommitError {
    match error.blame {
        // Most models make one row of each message, in their order. Where one does not, this is a guess, and only costs time.
        Blame::Data => {
            let row = error.row.and_then(|row| row.try_into().ok());
            CommitError::Rows(error.into(), row)
        }
        _ => CommitError::Whole(error.into()),
    }
}

impl<E: Into<Error>> From<E> for CommitError {
    fn from(error: E) -> Self {
        Self::Whole(error.into())
    }
}

impl Sink<'_> {
    /// Writes a batch. Of one that the target refuses, the messages that are to blame go to the dead letters. A target that
    /// cannot take parts gets halves of it, each a batch by itself, until what is refused is one message.
    pub async fn write(
        &self,
        batch: Batch<'_>,
        read: Messages,
        error_budget: &mut ErrorBudget,
        report: &mut NodeReport,
    ) -> Result<()> {
        let Messages { good: messages, mut rejected } = read;
        error_budget.read((messages.num_rows() + rejected.len()) as u64, &rejected)?;
        let mut stands = batch.advance.from.clone();
        let mut mode = batch.mode.clone();
        let mut parts = Parts::of(messages.num_rows());
        while let Some(range) = parts.next() {
            let last = range.end == messages.num_rows();
            let part = messages.slice(range.start, range.len());
            let next = offsets(&messages.slice(0, range.end));
            let to = if last { Some(batch.advance.to.clone()) } else { batch.passed(&next).await? };
            let to = to.expect("a batch is only cut where its source can say where");
            let comes = |row: &RejectedRow| last || next.get(&row.partition).is_some_and(|next| row.offset < *next);
            let (here, later): (Vec<_>, Vec<_>) = std::mem::take(&mut rejected).into_iter().partition(comes);
            let advance = Some(Advance { from: stands.clone(), to: to.clone() });
            let part = Part { messages: part, advance, rejected: here, settled: vec![], mode: mode.clone() };
            match self.commit(batch.topic, &part, report).await {
                Ok(()) => error_budget.taken(range.len() as u64),
                Err(CommitError::Rows(error, blamed)) if range.len() > 1 && batch.passed(&next).await?.is_some() => {
                    tracing::debug!(%error, from = range.start, to = range.end, "a row is refused");
                    if self.bisect(&batch, &part, blamed, (error_budget, report)).await? {
                        (rejected, stands) = (later, Some(to));
                        continue;
                    }
                    rejected = part.rejected.into_iter().chain(later).collect();
                    parts.cut(range, blamed);
                    continue;
                }
                Err(CommitError::Rows(error, _)) if range.len() == 1 => {
                    self.reject(&batch, part, error_budget, error, report).await?;
                }
                Err(CommitError::Rows(error, _) | CommitError::Whole(error)) => return Err(error),
            }
            rejected = later;
            stands = Some(to);
            mode = if mode == Mode::Replace { write_mode(self.model) } else { mode };
        }
        Ok(())
    }

    /// Puts the one message of a part, whose rows the target refused, to the dead letters.
    async fn reject(
        &self,
        batch: &Batch<'_>,
        part: Part,
        error_budget: &mut ErrorBudget,
        error: Error,
        report: &mut NodeReport,
    ) -> Result<()> {
        let letter = self.letter(batch, &part.messages, error).await?;
        error_budget.refused(&letter)?;
        let rejected = part.rejected.into_iter().chain([letter]).collect();
        let none = Part { messages: part.messages.slice(0, 0), rejected, ..part };
        self.commit(batch.topic, &none, report).await.map_err(|refused| match refused {
            CommitError::Rows(error, _) | CommitError::Whole(error) => error,
        })
    }

    /// The one message, as it is refused for that; the error, if it is not to be had.
    pub async fn letter(&self, batch: &Batch<'_>, message: &RecordBatch, error: Error) -> Result<RejectedRow> {
        let at = offsets(message).into_iter().next().map(|(partition, next)| (partition, next - 1));
        let at = at.expect("there is a message");
        batch.message(at, reason(&error)).await?.ok_or(error)
    }

    /// Commits a part, and counts what was committed.
    pub async fn commit(&self, topic: &NodeId, part: &Part, report: &mut NodeReport) -> Result<(), CommitError> {
        let made = self.make(topic, &part.messages).await?;
        let publisher = self.target.begin(self.publication(&made, part.mode.clone())).await?;
        self.stage(&*publisher, &made).await?;
        let (advance, rejected, settled) = (part.advance.clone(), part.rejected.clone(), part.settled.clone());
        let commit = Commit { advance, rejected, settled, ..Commit::default() };
        publisher.commit(commit).await.map_err(blamed)?;
        made.tally().count(report);
        count(report, part.messages.num_rows(), part.rejected.len());
        Ok(())
    }

    /// What becomes of messages, in a publication that is not yet begun.
    pub async fn make(&self, topic: &NodeId, messages: &RecordBatch) -> Result<Made, CommitError> {
        let session = self.run.sessions().single().open();
        let rendered = self.rendered()?;
        // Tables of other systems are read as they are at this batch.
        let mut others = rendered.clone();
        others.reads.retain(|read| read.value != *topic);
        inputs::open(&self.run.runner, &session, &others).await?;
        let (schema, table) = topic.in_sql();
        let memory = MemTable::try_new(messages.schema(), vec![vec![messages.clone()]])?;
        session.register(schema, table, Arc::new(memory))?;
        let mut made = self.made(&session, &rendered).await?;
        made.checks = self.check(&session, &made.batches, &made.schema).await?;
        Ok(made)
    }

    /// The publication of such rows.
    pub fn publication(&self, made: &Made, mode: Mode) -> PublishRequest {
        let target = Target {
            table: self.place.table.clone(),
            definition: table::definition(self.model, &made.schema),
            schema: made.schema.clone(),
            mode,
            declared: None,
        };
        PublishRequest { run: self.run.run.id.clone(), tables: vec![target], pipeline: Some(self.model.name.clone()) }
    }

    /// Writes rows into staging.
    pub async fn stage(&self, publisher: &dyn Publication, made: &Made) -> Result<(), CommitError> {
        let mut writer = publisher.writer(&self.place.table, Writers::Several).await?;
        made.write(&mut *writer).await?;
        writer.finish().await.map_err(blamed)?;
        Ok(())
    }

    /// What the model makes of the messages.
    async fn made(&self, session: &Session, rendered: &Rendered) -> Result<Made, CommitError> {
        let located = |error: DataFusionError| classify_error::in_model(rendered, error, self.node);
        let frame = session.query(&rendered.sql).await.map_err(located)?;
        let schema = write_rows::schema(frame.schema().inner()).map_err(|error| table::at_model(error, self.model))?;
        let refused = |error| match located(error) {
            // A value that cannot be computed is one message's.
            error @ Error::Project(_) => CommitError::Rows(error, None),
            error => CommitError::Whole(error),
        };
        let plan = frame.create_physical_plan().await.map_err(refused)?;
        let made = collect(plan.clone(), Arc::new(frame.task_ctx())).await.map_err(refused)?;
        let carried = made.iter().map(|batch| write_rows::carried(batch, &schema)).collect::<Result<_>>();
        let batches = carried.map_err(|error| CommitError::Rows(error, None))?;
        Ok(Made { batches, schema, operators: operators::of(plan.as_ref()), checks: vec![] })
    }

    fn rendered(&self) -> Result<Rendered> {
        if !self.model.rendered.uses_run && !self.model.rendered.uses_incremental {
            return Ok(self.model.rendered.clone());
        }
        let outcome = self.run.runner.project.render(self.model, &self.run.run, true);
        outcome.map(|outcome| outcome.rendered).map_err(|problem| Error::Project(Box::new(problem)))
    }

    async fn check(&self, session: &Session, made: &[RecordBatch], schema: &SchemaRef) -> Result<Vec<CheckReport>> {
        let provider = Arc::new(MemTable::try_new(schema.clone(), vec![made.to_vec()])?);
        let rows = check::Rows { provider, unique: vec![] };
        let checks = check::run(&self.run.runner, session, &self.model.name, rows, &self.model.config.checks).await?;
        self.run.checked(self.node, &checks);
        match check::first_broken(&checks) {
            Some(broken) => Err(check::broken(&self.node.name(), broken)),
            None => Ok(checks),
        }
    }
}

/// The good messages of a reading, in their order.
pub async fn messages(open: &OpenTable, run: &StepRun) -> Result<RecordBatch> {
    let session = run.sessions().single().open();
    let plan = session.context.read_table(open.provider.clone())?.create_physical_plan().await?;
    let batches = collect(plan, session.context.task_ctx()).await.map_err(Error::Query)?;
    Ok(concat_batches(&open.provider.schema(), &batches).map_err(DataFusionError::from)?)
}

/// Behind which offset the messages end, by partition; nothing where messages have no places.
fn offsets(messages: &RecordBatch) -> Offsets {
    let partitions = messages.column_by_name("_partition").and_then(|c| c.as_primitive_opt::<Int32Type>());
    let places = messages.column_by_name("_offset").and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(places)) = (partitions, places) else { return Offsets::new() };
    let mut next = Offsets::new();
    for row in 0..messages.num_rows() {
        let partition = u32::try_from(partitions.value(row)).unwrap_or(u32::MAX);
        let end = next.entry(partition).or_default();
        *end = (*end).max(places.value(row) + 1);
    }
    next
}

/// Why a target, or a model, refused a message.
pub fn reason(error: &Error) -> String {
    match error {
        Error::Connect(error) => error.source.to_string(),
        Error::Query(error) => match system_error::connect_error(error) {
            Some(error) => error.source.to_string(),
            None => error.strip_backtrace(),
        },
        Error::Project(problem) => problem.message.clone(),
        other => other.to_string(),
    }
}
