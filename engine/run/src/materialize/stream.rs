//! Stream models: micro-batches of a topic, each committed with its rejected rows and the topic's position.

mod batch;
mod flood;
mod group;
mod pace;
mod parts;
mod progress;
pub mod replay;
mod sift;
mod told;

use super::mode;
use crate::{
    blame,
    error::{Error, Result},
    event::Level,
    place,
    report::{NodeReport, Status},
    step::StepRun,
    systems,
};
use batch::{Batch, Messages, Sink};
use engine_connect::{
    connector::Connection,
    position::Position,
    publish::{Advance, Mode},
    read::{BatchLimit, ReadRequest, TableRequest},
};
use engine_language::{
    code,
    diagnostic::Diagnostic,
    graph::{NodeId, NodeKind},
    model::Model,
};
use flood::Flood;
use group::Group;
use pace::Pace;
use progress::Progress;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use told::Told;

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
    let mut progress = Progress::new(run, node);
    let mut from_start = true;
    let (mut pace, mut told) = (Pace::default(), Told::default());
    loop {
        let done = stream.to_the_end(&mut report, (&mut progress, &mut told), &mut pace, &mut from_start).await;
        told.rests(&stream).await;
        match done {
            Ok(()) if !run.runner.options.forever => break,
            Ok(()) => pace.idle().await,
            Err(error) if run.runner.options.forever && blame::may_pass(&error) => {
                run.log(node, Level::Warn, format!("{error}; trying again"));
                pace.failed().await;
            }
            Err(error) => return Err(error),
        }
    }
    run.tokens.forget(&stream.sink.place);
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

/// One micro-batch.
struct Read {
    messages: Messages,
    next: Option<Position>,
    more: bool,
}

impl From<Read> for Ahead {
    fn from(Read { messages, next, more }: Read) -> Self {
        Self { what: What::Messages(messages), next, more }
    }
}

/// What is written in one commit, if none of its rows is refused.
enum What {
    Messages(Messages),
    Group(Group),
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
        (progress, told): (&mut Progress<'_>, &mut Told),
        pace: &mut Pace,
        from_start: &mut bool,
    ) -> Result<()> {
        let mut flood = Flood::new(&self.request);
        // What other tables hold is what they hold when the batch before is there.
        let alone = self.model.rendered.reads.iter().all(|read| read.value == self.topic);
        let stages = alone && self.sink.target.stages_ahead();
        let Some(Begin { mut stands, since, mut moves, mode }) = self.begin(*from_start).await? else { return Ok(()) };
        let (mut mode, mut since) = (Some(mode), since);
        let mut aheads = VecDeque::from([self.read(since.clone()).await?.into()]);
        // Of how many micro-batches each is committed by itself, for some row of them was refused in a group.
        let mut alone = 0_usize;
        while let Some(Ahead { what, next, more }) = aheads.pop_front() {
            let Some(next) = next.filter(|next| moves || Some(next) != stands.as_ref()) else { break };
            let advance = Advance { from: stands.clone(), to: next.clone() };
            // The next ones are read while this one is written, and staged once the table is there.
            let stages = stages && !*from_start && alone == 0;
            let reading = async {
                match more && aheads.is_empty() {
                    true => self.ahead(&next, stages).await,
                    false => Ok(VecDeque::new()),
                }
            };
            let (batches, single) = match &what {
                What::Group(group) => (group.batches(), false),
                What::Messages(_) => (1, true),
            };
            let writing = async {
                let written = match what {
                    What::Group(group) => self.sink.commit_group(group, advance, &mut flood, report).await?,
                    What::Messages(read) => {
                        let request = TableRequest { since: since.clone(), ..self.request.clone() };
                        let mode = mode.take().unwrap_or_else(|| super::mode(self.model));
                        let batch = Batch { topic: &self.topic, source: &self.source, request, advance, mode };
                        self.sink.write(batch, read, &mut flood, report).await?;
                        true
                    }
                };
                if written {
                    told.moved(self, &next).await;
                }
                Ok::<_, Error>(written)
            };
            let (written, read) = tokio::join!(writing, reading);
            if !written? {
                // Once more from where it stands, without what came behind it.
                alone = batches;
                aheads = VecDeque::from([self.read(since.clone()).await?.into()]);
                continue;
            }
            alone = alone.saturating_sub(usize::from(single));
            (report.status, *from_start, moves) = (Status::Succeeded, false, false);
            pace.moved();
            (stands, since) = (Some(next.clone()), Some(next));
            progress.moved(report, || self.behind(since.as_ref())).await?;
            aheads.extend(read?);
        }
        progress.stands(stands);
        Ok(())
    }

    /// Where to begin; `None` if there is no topic to begin in.
    async fn begin(&self, from_start: bool) -> Result<Option<Begin>> {
        let options = &self.run.runner.options;
        let stands = self.sink.target.position(&self.sink.node.name).await?;
        let plain = |since| Begin { since, stands: stands.clone(), moves: false, mode: mode(self.model) };
        if let (true, Some(start)) = (from_start, options.from) {
            let since = self.source.start(&self.request, start).await?;
            return Ok(since.map(|since| Begin { moves: true, ..plain(Some(since)) }));
        }
        if from_start && options.full_refresh && stands.is_some() {
            let begin = Begin { moves: true, ..plain(None) };
            let keyed = !self.model.config.key.is_empty();
            return Ok(Some(if keyed { begin } else { Begin { mode: Mode::Replace, ..begin } }));
        }
        Ok(Some(plain(stands.clone())))
    }

    /// Reads what comes behind a place. Where it may stage that, as many micro-batches as one commit takes are one group; what
    /// cannot be staged comes by itself.
    async fn ahead(&self, since: &Position, stages: bool) -> Result<VecDeque<Ahead>> {
        let mut read = self.read(Some(since.clone())).await?;
        let mut at = Some(since.clone());
        let (mut gathered, mut all) = (None, VecDeque::new());
        while stages && read.messages.good.num_rows() > 0 {
            let goes_on = read.more && gathered.as_ref().is_none_or(Group::takes_more);
            let next = read.next.clone();
            let reading = async {
                match goes_on {
                    true => self.read(next.clone()).await.map(Some),
                    false => Ok(None),
                }
            };
            let mode = super::mode(self.model);
            let staging = self.sink.gather(&self.topic, &mut gathered, &mut read.messages, mode);
            let (staged, later) = tokio::join!(staging, reading);
            let later = later?;
            if let Err(refused) = staged {
                read.messages.refused = Some(refused);
                all.extend(later.map(Ahead::from));
                break;
            }
            let Some(later) = later else {
                let what = What::Group(gathered.expect("something was staged"));
                return Ok([Ahead { what, next: read.next, more: read.more }].into());
            };
            (at, read) = (next, later);
        }
        all.push_front(read.into());
        if let Some(group) = gathered {
            all.push_front(Ahead { what: What::Group(group), next: at, more: true });
        }
        Ok(all)
    }

    /// Reads one micro-batch.
    async fn read(&self, since: Option<Position>) -> Result<Read> {
        let rows = self.run.runner.project.settings.limits.batch_rows;
        let limit = BatchLimit { rows, bytes: BATCH_BYTES, time: BATCH_TIME };
        let request = TableRequest { since, limit: Some(limit), ..self.request.clone() };
        let mut reading = self.source.read(ReadRequest { tables: vec![request] }).await?;
        let open = reading.tables.pop().expect("one table was asked for");
        let good = batch::messages(&open, self.run).await?;
        let messages = Messages { good, rejected: open.rejected.take(), refused: None };
        Ok(Read { messages, next: open.next, more: open.more })
    }

    async fn behind(&self, since: Option<&Position>) -> Result<Option<engine_connect::read::Lag>> {
        let request = TableRequest { since: since.cloned(), ..self.request.clone() };
        Ok(self.source.lag(&request).await?)
    }

    /// How far it is behind at the end.
    async fn lag(&self, progress: &mut Progress<'_>) -> Result<Option<engine_connect::read::Lag>> {
        let lag = self.behind(progress.position()).await?;
        progress.say(lag.as_ref());
        Ok(lag)
    }
}

/// The topic that a stream model reads: the one source whose connection has a moving end.
pub fn topic(run: &StepRun, model: &Model) -> Result<NodeId> {
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
