//! Replication: all tables of one as of one instant, published together, and compared before anybody can see them.

mod copy;
mod copy_all;
mod increment;
mod references;
mod unchanged;
mod verify;

use crate::{
    error::{Error, Result},
    location::Place,
    report::{NodeReport, Status},
    steps::step_run::StepRun,
    systems,
};
use copy::Copied;
use engine_connect::hub::{
    connection::Connection,
    position::Position,
    publication::{Advance, Commit, Mode, Publication, PublishRequest, Target},
    source::{OpenTable, ReadRequest, TableRequest},
    version::{ContentFrom, RowDigests, Version},
};
use engine_language::{
    code,
    config::replication::{Replication, ReplicationMode, Verify},
    diagnostic::Diagnostic,
    graph::NodeId,
    name::Name,
    table::TableDefinition,
};
use futures::{StreamExt, TryStreamExt, stream};
use increment::Increment;
use references::Referable;
use std::sync::Arc;

/// What one step copies.
struct Job<'a> {
    run: &'a StepRun,
    nodes: &'a [NodeId],
    replication: &'a Replication,
    from: Arc<dyn Connection>,
    to: Arc<dyn Connection>,
    began: i64,
}

/// A table on its way.
struct Passing {
    node: NodeId,
    source: NodeId,
    /// Where its rows go.
    place: Place,
    mode: Mode,
    /// Its rows, or what is new of them.
    open: OpenTable,
    /// All of its rows, where `open` is only what is new.
    all: Option<OpenTable>,
}

/// What is known of a source's table before it is opened.
enum Before {
    Version(Option<Version>),
    /// Its rows are told when they have passed.
    Definition(Option<TableDefinition>, TableRequest),
}

impl Before {
    /// The version of what was copied, by the rows that passed if those were all.
    fn version(self, table: &Passing, copied: &Copied) -> Option<Version> {
        let (definition, request) = match self {
            Self::Version(version) => return version,
            Self::Definition(definition, request) => (definition?, request),
        };
        let all = table.all.is_none();
        let read = RowDigests { rows: copied.digest.filter(|_| all), server: copied.from.filter(|_| all) };
        let content = table.open.content(&read)?;
        Some(Version::new(content, &definition, &request))
    }
}

/// Copies tables, unless nothing changed.
pub async fn run(run: &StepRun, nodes: &[NodeId]) -> Result<Vec<NodeReport>> {
    let job = Job::new(run, nodes)?;
    if let Some(reports) = job.reused().await? {
        return Ok(reports);
    }
    let increment = match job.replication.mode {
        ReplicationMode::Full => None,
        ReplicationMode::Incremental => Some(Increment::of(&job).await?),
        ReplicationMode::Cdc => {
            let message = "`mode = \"cdc\"` is not built yet";
            let problem = Diagnostic::error(&code::E0309, job.replication.name.span, message);
            return Err(Error::Project(Box::new(problem.hint("use `full` or `incremental`"))));
        }
    };
    job.copy(increment).await
}

impl<'a> Job<'a> {
    fn new(run: &'a StepRun, nodes: &'a [NodeId]) -> Result<Self> {
        let project = &run.runner.project;
        let replication = project.replication(&nodes[0]).expect("a replication copies its tables");
        let (_, from) = run.locate(&source(replication, &nodes[0]))?;
        let to = run.runner.systems.get(&replication.to.value)?.clone();
        Ok(Self { run, nodes, replication, from, to, began: run.runner.clock.now_us() })
    }

    async fn copy(&self, increment: Option<Increment>) -> Result<Vec<NodeReport>> {
        let before = self.before(increment.as_ref()).await?;
        let tables = self.open(increment.as_ref()).await?;
        let referable = self.referable(&tables).await?;
        let publication = self.publication(&tables, &referable, increment.as_ref());
        let publisher = self.to.begin(publication).await?;
        let copied = self.copy_all(&tables, publisher.as_ref()).await?;
        if let Some(increment) = &increment {
            let swept = self.sweep(&tables, publisher.as_ref()).await?;
            if copied.iter().all(|copied| copied.rows == 0) && swept == 0 && !increment.is_first() {
                return Ok(self.nodes.iter().map(|node| self.unchanged(node)).collect());
            }
        }
        let verdicts = self.verify(&tables, &copied, publisher.as_ref()).await?;
        let replaced: Vec<_> = tables.iter().map(|table| replaced(table, publisher.as_ref())).collect();
        let advance = increment.map(|increment| increment.advance(&tables));
        let exact = self.replication.verify != Verify::Count;
        let committed = publisher.commit(Commit { advance, exact, ..Commit::default() }).await;
        committed.map_err(|error| self.part_refused(error))?;
        let mut reports = vec![];
        for (i, ((table, replaced), before)) in tables.iter().zip(replaced).zip(before).enumerate() {
            let input = before.version(table, &copied[i]);
            self.remember(table, &copied[i], input.filter(|_| referable.holds(&table.open.definition))).await?;
            reports.push(NodeReport { verdict: Some(verdicts[i]), replaced, ..self.report(table, &copied[i]) });
        }
        Ok(reports)
    }

    fn report(&self, table: &Passing, copied: &Copied) -> NodeReport {
        NodeReport {
            done: "Replicated",
            rows: Some(copied.rows),
            bytes: copied.bytes,
            note: table.all.is_some().then(|| "new or changed".to_owned()),
            took: self.run.runner.since(self.began),
            ..NodeReport::new(table.node.clone(), Status::Succeeded, self.began)
        }
    }

    /// What is known of the sources' versions before they are opened: what changes in between is copied again.
    async fn before(&self, increment: Option<&Increment>) -> Result<Vec<Before>> {
        let from = self.from.readable()?.content_from();
        let asks = from == ContentFrom::Asking || from == ContentFrom::Rows && increment.is_some();
        let each: Vec<_> = self.nodes.iter().map(|node| self.before_one(node, asks)).collect();
        stream::iter(each).buffered(unchanged::AT_ONCE).try_collect().await
    }

    async fn before_one(&self, node: &NodeId, asks: bool) -> Result<Before> {
        let source = source(self.replication, node);
        if asks {
            return Ok(Before::Version(self.run.reuse.versions.of(&source).await?));
        }
        let (place, from) = self.run.locate(&source)?;
        let request = systems::request(&self.run.runner.project, &source, &place);
        Ok(Before::Definition(from.readable()?.describe(&request).await?, request))
    }

    async fn open(&self, increment: Option<&Increment>) -> Result<Vec<Passing>> {
        let project = &self.run.runner.project;
        let kind = self.to.kind();
        let passes = !kind.is_empty() && kind == self.from.kind();
        let mut requests = vec![];
        for node in self.nodes {
            let source = source(self.replication, node);
            let (place, _) = self.run.locate(&source)?;
            let mut request = systems::request(project, &source, &place);
            request.bound_for = passes.then_some(kind);
            let new = increment.and_then(|increment| increment.request(node, &mut request));
            requests.extend(new);
            requests.push(request);
        }
        let mut opened = self.from.open(ReadRequest { tables: requests }).await?.tables.into_iter();
        let mut tables = vec![];
        for node in self.nodes {
            let mut next = || opened.next().expect("each table that was asked for is opened");
            let open = next();
            let all = increment.filter(|increment| increment.asks_for_new(node)).map(|_| next());
            let (place, _) = self.run.locate(node)?;
            let mode = match increment {
                Some(increment) => increment.mode(node, &open, self.replication)?,
                None => Mode::Replace,
            };
            let source = source(self.replication, node);
            tables.push(Passing { node: node.clone(), source, place, mode, open, all });
        }
        Ok(tables)
    }

    fn publication(&self, tables: &[Passing], referable: &Referable, increment: Option<&Increment>) -> PublishRequest {
        let targets = tables.iter().map(|table| Target {
            table: table.place.table.clone(),
            schema: table.open.provider.schema(),
            definition: carried(table, referable, increment),
            mode: table.mode.clone(),
            declared: None,
        });
        let pipeline = increment.map(|_| increment::pipeline(self.replication));
        PublishRequest { run: self.run.run.id.clone(), tables: targets.collect(), pipeline }
    }

    /// Keeps what stands for the source's rows and the copy's.
    async fn remember(&self, table: &Passing, copied: &Copied, input: Option<Version>) -> Result<()> {
        self.run.reuse.versions.forget(&table.place);
        let output = match copied.digest.filter(|_| table.mode == Mode::Replace) {
            Some(digest) => self.run.reuse.versions.wrote_all(&table.place, digest).await?,
            None => self.run.reuse.versions.of(&table.node).await?,
        };
        if let Some(input) = &input {
            let (place, _) = self.run.locate(&table.source)?;
            self.run.reuse.versions.wrote(&place, Some(input.clone()))?;
        }
        let inputs = input.map(|version| [(table.source.to_string(), version.value())].into());
        self.run.remember(&table.node, inputs, output.map(|version| version.value()), Some(copied.rows))
    }
}

impl Increment {
    /// The pipeline's move to where this reading ends.
    fn advance(&self, tables: &[Passing]) -> Advance {
        let mut to = self.stands.clone();
        for table in tables {
            if let Some(next) = &table.open.next {
                to.insert(table.place.table.to_string(), next.0.clone());
            }
        }
        let to = serde_json::to_value(to).expect("plain data can be written as JSON");
        Advance { from: self.from.clone(), to: Position(to) }
    }
}

fn table(node: &NodeId) -> Name {
    Name::new(node.in_sql().1)
}

fn source(replication: &Replication, node: &NodeId) -> NodeId {
    NodeId::source(replication.from.value.clone(), table(node))
}

/// A definition as it is carried over: references to tables that are not copied cannot be kept, and rows are merged by
/// the key that the project declares where the source has none.
fn carried(table: &Passing, referable: &Referable, increment: Option<&Increment>) -> TableDefinition {
    let mut definition = table.open.definition.clone();
    definition.foreign_keys.retain(|key| referable.now.contains(&key.table));
    if let Some(key) = increment.and_then(|increment| increment.key(&table.node)).filter(|_| definition.key.is_empty())
    {
        definition.key = key.to_vec();
    }
    definition
}

/// What became NULL on the way.
fn replaced(table: &Passing, publisher: &dyn Publication) -> Vec<engine_connect::hub::policy::Replaced> {
    let mut all = table.open.rejected.replaced.all();
    all.extend(publisher.replaced(&table.place.table));
    all
}
