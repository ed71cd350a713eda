//! Stream models: micro-batches of a topic, each committed with its rejected rows and the topic's position.

mod batch;
mod bisect;
mod error_budget;
mod group;
mod parts;
mod poll_backoff;
mod progress;
pub mod replay;
mod report_progress;

use super::write_mode::write_mode;
use crate::{
    error::{Error, Result},
    event::Level,
    location,
    report::{NodeReport, Status},
    sql::classify_error,
    steps::step_run::StepRun,
    systems,
};
use batch::{Batch, CommitError, Messages, Sink};
use engine_connect::hub::{
    connection::Connection,
    position::Position,
    publication::{Advance, Mode},
    source::{BatchLimit, ReadRequest, TableRequest},
};
use engine_language::{
    code,
    diagnostic::Diagnostic,
    graph::{NodeId, NodeKind},
    model::Model,
};
use error_budget::ErrorBudget;
use group::{Group, Trust};
use poll_backoff::PollBackoff;
use progress::StreamProgress;
use report_progress::ReportProgress;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Bytes of a micro-batch, of which several copies are at hand: read, decoded, staged.
const BATCH_BYTES: u64 = 4 << 20;
/// How long a micro-batch waits for more messages.
const BATCH_TIME: Duration = Duration::from_millis(500);

/// Reads to the present end of the topic, or without end where that was asked for; under a full refresh from its
/// beginning, over the rows of the same keys. A table without a key begins anew then, for rows would come twice.
pub async fn follow(run: &StepRun, node: &NodeId, model: &Model) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    let mut report = NodeReport::new(node.clone(), Status::Reused, began);
    (report.rows, report.events) = (Some(0), Some(0));
    let stream = Stream::new(run, node, model)?;
    let mut progress = StreamProgress::new(run, node);
    let mut from_start = true;
    let (mut pace, mut told) = (PollBackoff::default(), ReportProgress::default());
    loop {
        let done = stream.to_the_end(&mut report, (&mut progress, &mut told), &mut pace, &mut from_start);
        let done = Box::pin(done).await;
        told.rests(&stream).await;
        match done {
            Ok(()) if !run.runner.options.forever => break,
            Ok(()) => pace.idle().await,
            Err(error) if run.runner.options.forever && classify_error::may_pass(&error) => {
                run.log(node, Level::Warn, format!("{error}; trying again"));
                pace.failed().await;
            }
            Err(error) => return Err(error),
        }
    }
    run.reuse.versions.forget(&stream.sink.place);
    if report.status == Status::Reused {
        report.note = Some("no new events".into());
    } else {
        report.done = "Streamed";
    }
    report.lag = stream.lag(&mut progress).await?;
    run.remember(node, None, None, report.rows)?;
    report.took = run.runner.since(began);
    Ok(report)
}

/// A stream model, its topic and its target.
struct Stream<'a> {
    run: &'a StepRun,
    model: &'a Model,
    topic: NodeId,
    source: Arc<dyn Connection>,
    request: TableRequest,
    sink: Sink<'a>,
}

/// Where a reading begins.
struct Begin {
    /// Where the target says that it stands.
    stands: Option<Position>,
    /// Where to read from.
    since: Option<Position>,
    /// Whether the first batch moves the position even if it is empty.
    moves: bool,
    /// What becomes of the rows that are there, at the first batch.
    mode: Mode,
}

/// What was read, of which the first is mostly committed while the next is read.
struct Ahead {
    what: What,
    /// Where the reader stands behind it.
    next: Option<Position>,
    /// Whether more comes.
    more: bool,
}

/// What is written in one commit, if none of its rows is refused.
enum What {
    /// One micro-batch, not staged yet.
    Messages(Messages),
    /// Several, which are.
    Group(Group),
    /// Some row of a group was refused.
    CommitError,
}

impl<'a> Stream<'a> {
    fn new(run: &'a StepRun, node: &'a NodeId, model: &'a Model) -> Result<Self> {
        let topic = topic(run, model)?;
        let (at, source) = run.locate(&topic)?;
        let request = systems::request(&run.runner.project, &topic, &at);
        let (place, target) = run.locate(node)?;
        let sink = Sink { run, node, model, place, target };
        Ok(Self { run, model, topic, source, request, sink })
    }

    /// Follows the topic to its present end. What was asked for only holds until a batch is committed.
    async fn to_the_end(
        &self,
        report: &mut NodeReport,
        (progress, told): (&mut StreamProgress<'_>, &mut ReportProgress),
        pace: &mut PollBackoff,
        from_start: &mut bool,
    ) -> Result<()> {
        let mut error_budget = ErrorBudget::new(&self.request);
        // What other tables hold is what they hold when the batch before is there.
        let alone = self.model.rendered.reads.iter().all(|read| read.value == self.topic);
        let stages = alone && self.sink.target.writable()?.facts().stages_ahead;
        let Some(Begin { mut stands, since, mut moves, mode }) = self.begin(*from_start).await? else { return Ok(()) };
        let (mut mode, mut since) = (Some(mode), since);
        let mut ahead = Some(self.read(since.clone()).await?);
        let mut trust = Trust::default();
        while let Some(Ahead { what, next, more }) = ahead.take() {
            let Some(next) = next.filter(|next| moves || Some(next) != stands.as_ref()) else { break };
            let advance = Advance { from: stands.clone(), to: next.clone() };
            // The next ones are read while this one is written, and staged once the table is there.
            let stages = stages && !*from_start && trust.groups();
            let idle = AtomicBool::new(false);
            let reading = async {
                match (more, stages) {
                    (false, _) => Ok(None),
                    (true, false) => self.read(Some(next.clone())).await.map(Some),
                    (true, true) => self.gather(&next, &idle).await.map(Some),
                }
            };
            let written = async {
                let written = match what {
                    What::Messages(read) => {
                        let request = TableRequest { since: since.clone(), ..self.request.clone() };
                        let mode = mode.take().unwrap_or_else(|| write_mode(self.model));
                        let batch = Batch { topic: &self.topic, source: &self.source, request, advance, mode };
                        self.sink.write(batch, read, &mut error_budget, report).await?;
                        true
                    }
                    What::Group(group) => self.sink.commit_group(group, advance, &mut error_budget, report).await?,
                    What::CommitError => false,
                };
                idle.store(true, Ordering::Relaxed);
                if written {
                    told.moved(self, &next).await;
                }
                Ok::<_, Error>(written)
            };
            let (written, read) = tokio::join!(written, reading);
            if !written? {
                // Once more from where it stands, without what came behind it.
                trust.lose();
                ahead = Some(self.read(since.clone()).await?);
                continue;
            }
            trust.regain();
            (report.status, *from_start, moves) = (Status::Succeeded, false, false);
            pace.moved();
            (stands, since) = (Some(next.clone()), Some(next));
            progress.moved(report, || self.behind(since.as_ref())).await?;
            ahead = read?;
        }
        progress.stands(stands);
        Ok(())
    }

    /// Where to begin; `None` if there is no topic to begin in.
    async fn begin(&self, from_start: bool) -> Result<Option<Begin>> {
        let options = &self.run.runner.options;
        let stands = self.sink.target.position(&self.sink.model.name).await?;
        let plain = |since| Begin { since, stands: stands.clone(), moves: false, mode: write_mode(self.model) };
        if let (true, Some(start)) = (from_start, options.from) {
            let Some(topics) = self.source.topics() else { return Ok(None) };
            let since = topics.start(&self.request, start).await?;
            return Ok(since.map(|since| Begin { moves: true, ..plain(Some(since)) }));
        }
        if from_start && self.run.is_full_refresh(self.model) && stands.is_some() {
            let begin = Begin { moves: true, ..plain(None) };
            let keyed = !self.model.config.key.is_empty();
            return Ok(Some(if keyed { begin } else { Begin { mode: Mode::Replace, ..begin } }));
        }
        Ok(Some(plain(stands.clone())))
    }

    /// Reads and stages, of what comes behind a place, as many micro-batches as one commit takes. `idle` says that what came
    /// before is committed.
    async fn gather(&self, since: &Position, idle: &AtomicBool) -> Result<Ahead> {
        let mut ahead = self.read(Some(since.clone())).await?;
        let mut group = None;
        while let What::Messages(read) = ahead.what {
            let (next, more) = (ahead.next, ahead.more);
            let goes_on =
                more && group.as_mut().is_none_or(|group: &mut Group| group.takes_more(idle.load(Ordering::Relaxed)));
            let reading = async { if goes_on { self.read(next.clone()).await.map(Some) } else { Ok(None) } };
            let staging = self.sink.gather(&self.topic, &mut group, read, write_mode(self.model));
            let (staged, later) = tokio::join!(staging, reading);
            let staged = match (staged, &mut group) {
                (Ok(()), Some(group)) if !goes_on => group.close().await,
                (staged, _) => staged,
            };
            match staged {
                Ok(()) => {}
                Err(CommitError::Rows(error, _)) => {
                    tracing::debug!(%error, "a row is refused");
                    return Ok(Ahead { what: What::CommitError, next, more });
                }
                Err(CommitError::Whole(error)) => return Err(error),
            }
            ahead = match later? {
                Some(later) => later,
                None => Ahead { what: What::Group(group.take().expect("something was staged")), next, more },
            };
        }
        Ok(ahead)
    }

    /// Reads one micro-batch.
    async fn read(&self, since: Option<Position>) -> Result<Ahead> {
        let rows = self.run.runner.project.settings.limits.batch_rows;
        let limit = BatchLimit { rows, bytes: BATCH_BYTES, time: BATCH_TIME };
        let request = TableRequest { since, limit: Some(limit), ..self.request.clone() };
        let mut reading = self.source.open(ReadRequest { tables: vec![request] }).await?;
        let open = reading.tables.pop().expect("one table was asked for");
        let good = batch::messages(&open, self.run).await?;
        let what = What::Messages(Messages { good, rejected: open.rejected.take() });
        Ok(Ahead { what, next: open.next, more: open.more })
    }

    async fn behind(&self, since: Option<&Position>) -> Result<Option<engine_connect::hub::topics::Lag>> {
        let request = TableRequest { since: since.cloned(), ..self.request.clone() };
        let Some(topics) = self.source.topics() else { return Ok(None) };
        Ok(topics.lag(&request).await?)
    }

    /// How far it is behind at the end.
    async fn lag(&self, progress: &mut StreamProgress<'_>) -> Result<Option<engine_connect::hub::topics::Lag>> {
        let lag = self.behind(progress.position()).await?;
        progress.say(lag.as_ref());
        Ok(lag)
    }
}

/// The topic that a stream model reads: the one source whose connection has a moving end.
pub fn topic(run: &StepRun, model: &Model) -> Result<NodeId> {
    let mut topics = model.rendered.reads.iter().filter(|read| {
        let streams = |node: &NodeId| {
            let place = location::of(&run.runner.project, node)?;
            Some(run.runner.systems.get(&place.connection).ok()?.abilities().stream)
        };
        read.value.kind() == NodeKind::Source && streams(&read.value) == Some(true)
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
