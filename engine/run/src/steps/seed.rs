//! Seeds: small tables kept with the code.

use crate::{
    error::{Error, Result},
    history::Inputs,
    report::{NodeReport, Status},
    steps::{step_run::StepRun, write_rows},
};
use arrow::csv::{ReaderBuilder, reader::Format};
use datafusion::{arrow::datatypes::SchemaRef, error::DataFusionError};
use engine_connect::{
    arrow::digest::Digester,
    hub::publication::{Commit, Mode, PublishRequest, Target, Writers},
};
use engine_language::{code, diagnostic::Diagnostic, files::Span, graph::NodeId, table::TableDefinition};
use std::{io::Cursor, sync::Arc};

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
    let span = Span::new(seed.file, 0..0);
    let broken = |error: arrow::error::ArrowError| {
        Error::Project(Box::new(Diagnostic::error(&code::E0311, span, format!("the seed cannot be read: {error}"))))
    };
    let schema = schema(&text).map_err(broken)?;
    let reader =
        ReaderBuilder::new(schema.clone()).with_header(true).build(Cursor::new(text.as_bytes())).map_err(broken)?;
    let mut digester = Digester::new(&schema).map_err(DataFusionError::from)?;
    let mut batches = vec![];
    for batch in reader {
        let batch = write_rows::carried(&batch.map_err(broken)?, &schema)?;
        digester.add(&batch).map_err(DataFusionError::from)?;
        batches.push(batch);
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

/// Column names from the first line, types from all of them.
pub fn schema(text: &str) -> Result<SchemaRef, arrow::error::ArrowError> {
    let (schema, _) = Format::default().with_header(true).infer_schema(Cursor::new(text.as_bytes()), None)?;
    engine_connect::arrow::types::carried(&schema)
        .map_err(arrow::error::ArrowError::SchemaError)
        .map(|schema| Arc::new(schema.as_ref().clone()))
}
