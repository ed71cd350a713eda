//! Generators fill tables and topics that are missing.

use crate::{
    error::{Error, Result},
    location::Place,
    report::{NodeReport, Status},
    steps::{
        step_run::StepRun,
        write_rows::{self, Copied},
    },
    systems,
};
use datafusion::catalog::TableProvider;
use engine_connect::{
    connectors::generator::Generators,
    hub::{
        connection::Connection,
        publication::{Commit, Mode, PublishRequest, Target, Writers},
    },
};
use engine_language::{config::source::SourceTable, graph::NodeId, table::TableDefinition};
use std::sync::Arc;

/// Fills what is missing: tables of one connection together, each topic by itself.
pub async fn run(run: &StepRun, nodes: &[NodeId]) -> Result<Vec<NodeReport>> {
    let began = run.runner.clock.now_us();
    let project = &run.runner.project;
    let scale = run.runner.options.rows_scale;
    let generators = Generators::new(&project.generators, run.run.started_at_us, scale)
        .map_err(|problem| Error::Project(Box::new(problem)))?;
    let mut reports = vec![];
    let mut missing = vec![];
    for node in nodes {
        let table = Table::new(run, &generators, node)?;
        if !run.runner.options.regenerate && table.is_there(run).await? {
            reports.push(table.kept(run, began)?);
        } else {
            missing.push(table);
        }
    }
    let (topics, tables): (Vec<Table>, Vec<Table>) = missing.into_iter().partition(|t| t.connection.abilities().stream);
    if !tables.is_empty() {
        reports.extend(fill(run, &tables, began).await?);
    }
    for topic in topics {
        reports.extend(fill(run, std::slice::from_ref(&topic), began).await?);
    }
    Ok(reports)
}

/// A table or topic that a generator fills.
struct Table {
    node: NodeId,
    place: Place,
    connection: Arc<dyn Connection>,
    rows: Arc<dyn TableProvider>,
    definition: TableDefinition,
    declared: Option<Arc<SourceTable>>,
    mode: Mode,
}

impl Table {
    fn new(run: &StepRun, generators: &Arc<Generators>, node: &NodeId) -> Result<Self> {
        let (place, connection) = run.locate(node)?;
        let topic = connection.abilities().stream;
        let name = node.generator().expect("a step that generates is about generators");
        let rows = if topic { generators.messages(name) } else { generators.provider(name) };
        let definition = generators.definition(name);
        let mode = if topic { Mode::Append } else { Mode::Replace };
        let declared =
            source(run, node).and_then(|source| systems::request(&run.runner.project, &source, &place).declared);
        Ok(Self { node: node.clone(), place, connection, rows, definition, declared, mode })
    }

    async fn is_there(&self, run: &StepRun) -> Result<bool> {
        let source = source(run, &self.node).expect("a generator that fills something names a source");
        let request = systems::request(&run.runner.project, &source, &self.place);
        Ok(self.connection.readable()?.is_there(&request).await?)
    }

    /// What is there is the user's: it is not made anew unasked, even if the settings changed.
    fn kept(&self, run: &StepRun, began: i64) -> Result<NodeReport> {
        let mut report = NodeReport::new(self.node.clone(), Status::Reused, began);
        report.done = "Generated";
        let built = run.runner.history.built(run.runner.project.target.as_str(), &self.node)?;
        let now = &run.reuse.definition(&self.node).hash;
        report.rows = built.as_ref().and_then(|built| built.rows);
        report.note = Some(match built {
            Some(built) if built.definition != *now => {
                format!(
                    "kept, though its settings changed: `engine generate {} --replace` makes it anew",
                    self.node.name()
                )
            }
            _ => "is there".to_owned(),
        });
        Ok(report)
    }
}

/// The source table that a generator fills.
fn source(run: &StepRun, node: &NodeId) -> Option<NodeId> {
    let into = run.runner.project.generator(node)?.into.as_ref()?;
    Some(into.table_id().node())
}

/// One publication.
async fn fill(run: &StepRun, tables: &[Table], began: i64) -> Result<Vec<NodeReport>> {
    let targets = tables.iter().map(|table| Target {
        table: table.place.table.clone(),
        schema: table.rows.schema(),
        definition: table.definition.clone(),
        mode: table.mode.clone(),
        declared: table.declared.clone(),
    });
    let publication = PublishRequest { run: run.run.id.clone(), tables: targets.collect(), pipeline: None };
    let publisher = tables[0].connection.begin(publication).await?;
    let (mut reports, mut digests) = (vec![], vec![]);
    for table in tables {
        let session = run.runner.sessions.open();
        let schema = table.rows.schema();
        let rows = session.context.read_table(table.rows.clone())?.execute_stream().await?;
        let writer = publisher.writer(&table.place.table, Writers::Several).await?;
        let Copied { digest, bytes } = write_rows::copy(run, &table.node, rows, &schema, writer, &Error::Query).await?;
        let mut report = NodeReport::new(table.node.clone(), Status::Succeeded, began);
        report.done = "Generated";
        (report.rows, report.bytes) = (Some(digest.rows), bytes);
        report.took = run.runner.since(began);
        reports.push(report);
        digests.push(digest);
    }
    publisher.commit(Commit::default()).await?;
    for ((table, report), digest) in tables.iter().zip(&reports).zip(digests) {
        run.reuse.versions.forget(&table.place);
        if table.mode == Mode::Replace {
            run.reuse.versions.wrote_all(&table.place, digest).await?;
        }
        run.remember(&table.node, None, None, report.rows)?;
    }
    Ok(reports)
}
