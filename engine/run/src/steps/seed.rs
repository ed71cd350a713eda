//! Seeds: small tables kept with the code.

use crate::{
    error::{Error, Result},
    history::Inputs,
    report::{NodeReport, Status},
    steps::step_run::StepRun,
};
use datafusion::{arrow::datatypes::SchemaRef, error::DataFusionError};
use engine_connect::{
    arrow::digest::Digester,
    format::csv::{self, CsvError},
    hub::publication::{Commit, Mode, PublishRequest, Target, Writers},
};
use engine_language::{
    code, column::ColumnType, config::seed::Seed, diagnostic::Diagnostic, files::Span, graph::NodeId,
    table::TableDefinition,
};

/// Loads a seed, unless its table holds it already.
pub async fn run(run: &StepRun, node: &NodeId) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    if !run.runner.options.full_refresh
        && let Some(report) = run.reused(node, began).await?
    {
        return Ok(NodeReport { done: "Seeded", ..report });
    }
    let seed = run.runner.project.seed(node).expect("a step that seeds is about a seed");
    let text = run.runner.project.files.text(seed.file).clone();
    let broken = |error| Error::Project(Box::new(broken(seed, error)));
    let (schema, batches) = csv::read(&text, &declared(seed)).map_err(broken)?;
    let mut digester = Digester::new(&schema).map_err(DataFusionError::from)?;
    for batch in &batches {
        digester.add(batch).map_err(DataFusionError::from)?;
    }
    let digest = digester.digest();
    let (place, connection) = run.locate(node)?;
    let mut report = NodeReport::new(node.clone(), Status::Succeeded, began);
    report.rows = Some(digest.rows);
    report.done = "Seeded";
    let definition = TableDefinition {
        columns: schema.fields().iter().filter_map(|field| engine_connect::arrow::types::column(field)).collect(),
        ..TableDefinition::default()
    };
    let target = Target { table: place.table.clone(), schema, definition, mode: Mode::Replace, declared: None };
    let request = PublishRequest { run: run.run.id.clone(), tables: vec![target], pipeline: None };
    let publisher = connection.begin(request).await?;
    let mut writer = publisher.writer(&place.table, Writers::Several).await?;
    for batch in batches {
        writer.write(batch).await?;
    }
    writer.finish().await?;
    publisher.commit(Commit::default()).await?;
    run.reuse.versions.forget(&place);
    let output = run.reuse.versions.wrote_all(&place, digest).await?.map(|version| version.value());
    run.remember(node, Some(Inputs::new()), output, Some(digest.rows))?;
    report.took = run.runner.since(began);
    Ok(report)
}

/// The columns of a seed: declared, or the narrowest types that hold every value exactly.
pub fn schema(seed: &Seed, text: &str) -> Result<SchemaRef, Box<Diagnostic>> {
    csv::schema(text, &declared(seed)).map_err(|error| Box::new(broken(seed, error)))
}

fn declared(seed: &Seed) -> Vec<(&str, &ColumnType)> {
    seed.columns.iter().map(|(name, kind)| (name.value.as_str(), &kind.value)).collect()
}

fn broken(seed: &Seed, error: CsvError) -> Diagnostic {
    let span = Span::new(seed.file, error.at);
    let message = format!("the seed cannot be read: line {}: {}", error.line, error.reason);
    let hint = format!("correct the line, or declare the column's type in `[seeds.{}.columns]`", seed.name);
    Diagnostic::error(&code::E0311, span, message).hint(hint)
}
