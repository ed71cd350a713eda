//! Replication: all tables of one as of one instant, published together, and compared before anybody can see them.

use crate::{
    copy::{self, Copied},
    error::{Error, Result},
    report::{NodeReport, Status, Verdict},
    step::StepRun,
    systems,
};
use datafusion::error::DataFusionError;
use engine_connect::{
    digest::{Digest, Digester},
    position::Token,
    publish::{Commit, Mode, Publication, Publisher, Target},
    read::{OpenTable, ReadRequest},
};
use engine_language::{
    code,
    config::replication::{Replication, ReplicationMode, Verify},
    diagnostic::Diagnostic,
    graph::{NodeId, NodeKind},
    name::Name,
    table::TableDefinition,
};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;

/// Tables copied at once.
const AT_ONCE: usize = 4;

/// Copies tables, unless nothing changed.
pub async fn run(run: &StepRun, nodes: &[NodeId]) -> Result<Vec<NodeReport>> {
    let began = run.runner.clock.now_us();
    let project = &run.runner.project;
    let (name, _) = nodes[0].name.as_str().split_once('.').expect("a copied table is named replication.table");
    let replication = &project.replications[name];
    if replication.mode != ReplicationMode::Full {
        let message = "only `mode = \"full\"` is built yet";
        return Err(Error::Project(Box::new(Diagnostic::error(&code::E0309, replication.name.span, message))));
    }
    if let Some(reports) = reused(run, nodes, replication, began).await? {
        return Ok(reports);
    }
    let sources: Vec<NodeId> = nodes.iter().map(|node| source(replication, node)).collect();
    let mut inputs = vec![];
    for source in &sources {
        inputs.push(run.tokens.of(source).await?.map(|token| token.value));
    }
    let (place, from) = run.locate(&sources[0])?;
    let requests = sources.iter().map(|source| {
        let mut place = place.clone();
        place.table = table(source);
        systems::request(project, source, &place)
    });
    let reading = from.read(ReadRequest { tables: requests.collect() }).await?;
    let to = run.runner.systems.get(&replication.to.value)?;
    let names: BTreeSet<String> = nodes.iter().map(|node| table(node).to_string()).collect();
    let targets = nodes.iter().zip(&reading.tables).map(|(node, open)| Target {
        table: table(node),
        schema: open.provider.schema(),
        definition: carried(&open.definition, &names),
        mode: Mode::Replace,
        declared: None,
    });
    let publication = Publication { run: run.run.id.clone(), tables: targets.collect(), pipeline: None };
    let publisher = to.write(publication).await?;
    let mut copies = vec![];
    for (node, open) in nodes.iter().zip(&reading.tables) {
        copies.push(one(run, node, open, publisher.as_ref()).boxed());
    }
    let copied: Vec<Copied> = stream::iter(copies).buffered(AT_ONCE).try_collect().await?;
    let verdicts = verify(run, nodes, &copied, replication, publisher.as_ref()).await?;
    publisher.commit(Commit::default()).await?;
    drop(reading.snapshot);
    let mut reports = vec![];
    for (i, node) in nodes.iter().enumerate() {
        let (place, _) = run.locate(node)?;
        let output = copied[i].digest.to_string();
        run.tokens.wrote(&place, Some(Token { value: output.clone(), hint: serde_json::Value::Null }))?;
        run.remember(node, inputs[i].clone(), Some(output), Some(copied[i].digest.rows))?;
        let mut report = NodeReport::new(node.clone(), Status::Succeeded, began);
        report.done = "Replicated";
        (report.rows, report.bytes, report.verdict) = (Some(copied[i].digest.rows), copied[i].bytes, Some(verdicts[i]));
        report.took = run.runner.since(began);
        reports.push(report);
    }
    Ok(reports)
}

fn table(node: &NodeId) -> Name {
    Name::new(node.name.as_str().split_once('.').map_or(node.name.as_str(), |(_, table)| table))
}

fn source(replication: &Replication, node: &NodeId) -> NodeId {
    NodeId::new(NodeKind::Source, format!("{}.{}", replication.from.value, table(node)))
}

/// Reports that all tables are what they were, if so: one changed table is reason to copy all, as of one instant.
async fn reused(
    run: &StepRun,
    nodes: &[NodeId],
    replication: &Replication,
    began: i64,
) -> Result<Option<Vec<NodeReport>>> {
    if run.runner.options.full_refresh {
        return Ok(None);
    }
    let mut reports = vec![];
    for node in nodes {
        let Some(built) = run.runner.history.built(run.runner.project.target.as_str(), node)? else { return Ok(None) };
        let (Some(input), Some(output)) = (&built.key, &built.output) else { return Ok(None) };
        let now = run.tokens.of(&source(replication, node)).await?;
        let there = run.tokens.of(node).await?;
        let same = now.is_some_and(|t| t.value == *input) && there.is_some_and(|t| t.value == *output);
        if !same || built.fingerprint != crate::plan::fingerprint(&run.runner.project, node) {
            return Ok(None);
        }
        let mut report = NodeReport::new(node.clone(), Status::Reused, began);
        report.done = "Replicated";
        report.rows = built.rows;
        report.note = Some(format!("unchanged since {}", crate::clock::short(built.at_us, began)));
        report.took = run.runner.since(began);
        reports.push(report);
    }
    Ok(Some(reports))
}

/// A definition as it is carried over: references to tables that are not copied cannot be kept.
fn carried(definition: &TableDefinition, copied: &BTreeSet<String>) -> TableDefinition {
    let mut definition = definition.clone();
    definition.foreign_keys.retain(|key| copied.contains(&key.table));
    definition
}

async fn one(run: &StepRun, node: &NodeId, open: &OpenTable, publisher: &dyn Publisher) -> Result<Copied> {
    let session = run.runner.sessions.open();
    let schema = open.provider.schema();
    let rows = session.context.read_table(open.provider.clone())?.execute_stream().await?;
    let writer = publisher.writer(&table(node)).await?;
    copy::copy(run, node, rows, &schema, writer, &Error::Query).await
}

async fn verify(
    run: &StepRun,
    nodes: &[NodeId],
    copied: &[Copied],
    replication: &Replication,
    publisher: &dyn Publisher,
) -> Result<Vec<Verdict>> {
    let mut verdicts = vec![];
    for (node, copied) in nodes.iter().zip(copied) {
        let digests = replication.verify != Verify::Count;
        let target = digest(run, &table(node), publisher, digests).await?;
        let same = if digests { target == copied.digest } else { target.rows == copied.digest.rows };
        if !same {
            let message =
                format!("the copy of `{}` is not what was read: {} against {target}", node.name, copied.digest);
            let problem = Diagnostic::error(&code::E0312, replication.name.span, message);
            return Err(Error::Project(Box::new(problem.hint("nothing was published; please report this"))));
        }
        verdicts.push(Verdict { source: copied.digest, target, digests });
    }
    Ok(verdicts)
}

/// The digest of a table as readers would see it, or the number of its rows alone.
async fn digest(run: &StepRun, table: &Name, publisher: &dyn Publisher, digests: bool) -> Result<Digest> {
    let preview = publisher.preview(table).await?;
    let session = run.runner.sessions.open();
    let frame = session.context.read_table(preview)?;
    if !digests {
        return Ok(Digest { rows: frame.count().await? as u64, sum: 0 });
    }
    let mut digester = Digester::new(&frame.schema().inner().clone()).map_err(DataFusionError::from)?;
    let mut rows = frame.execute_stream().await?;
    while let Some(batch) = rows.next().await {
        digester.add(&batch?).map_err(DataFusionError::from)?;
    }
    Ok(digester.digest())
}
