//! Tables and incremental models: one query, one publication.

use super::write_mode::{key, write_mode};
use crate::{
    check,
    error::{Error, Result},
    inputs,
    report::{CheckReport, NodeReport, Status},
    sql::{classify_error, operators, session::Session},
    steps::{
        append_mark::{AppendMark, MarkedTable},
        step_run::StepRun,
        write_rows::{self, Copied},
    },
    systems,
};
use datafusion::{arrow::datatypes::SchemaRef, error::DataFusionError, physical_plan::execute_stream};
use engine_connect::hub::{
    publication::{Commit, Mode, Preview, Publication, PublishRequest, Target, Writers},
    source::{ReadRequest, TableRequest},
};
use engine_language::{
    code,
    diagnostic::Diagnostic,
    graph::NodeId,
    model::{Materialized, Model, Strategy},
    name::Name,
    rendered::Rendered,
    table::TableDefinition,
};
use std::sync::Arc;

/// Builds a model's table, or adds to it.
pub async fn build(run: &StepRun, node: &NodeId, model: &Model) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    let (place, connection) = run.locate(node)?;
    // The versions are taken before the inputs are opened: what changes in between makes the next run build again.
    let reads = run.reuse.inputs(node).await?;
    let marked = MarkedTable::of(&connection, node, model).await?;
    if let Some(marked) = &marked
        && let Some(mark) = marked.added(run, &connection, &place.table).await?
    {
        return added_before(run, node, mark, began).await;
    }
    let there = existing(run, node, model).await?;
    let rendered = rendered(run, model, there.is_some())?;
    let session = run.sessions().open();
    inputs::open(&run.runner, &session, &rendered).await?;
    if there.is_some() {
        let this = ReadRequest { tables: vec![TableRequest::all(place.table.clone())] };
        if let Some(open) = connection.open(this).await?.tables.pop() {
            session.register("models", model.name.as_str(), open.provider)?;
        }
    }
    let located = |error: DataFusionError| classify_error::in_model(&rendered, error, node);
    let frame = session.query(&rendered.sql).await.map_err(located)?;
    let schema = write_rows::schema(frame.schema().inner()).map_err(|error| at_model(error, model))?;
    if let Some(definition) = &there {
        same_columns(definition, &schema, model)?;
    }
    // What cannot be replaced, a topic, is only ever added to.
    let whole = connection.abilities().replace;
    let mode = if there.is_some() || !whole && adds(model) { write_mode(model) } else { Mode::Replace };
    let definition = definition(model, &schema);
    let declared = systems::declared(&run.runner.project, &place);
    let target =
        Target { table: place.table.clone(), schema: schema.clone(), definition, mode: mode.clone(), declared };
    let publication = PublishRequest {
        run: run.run.id.clone(),
        tables: vec![target],
        pipeline: marked.as_ref().map(|marked| marked.pipeline.clone()),
    };
    let publisher = connection.begin(publication).await?;
    let writer = publisher.writer(&place.table, Writers::Several).await?;
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await.map_err(located)?;
    let rows = execute_stream(plan.clone(), task).map_err(located)?;
    let Copied { digest, bytes } =
        write_rows::copy(run, node, rows, &schema, writer, &located).await.map_err(|error| at_model(error, model))?;
    let checks = checked(run, node, model, publisher.as_ref(), &place.table, &session).await?;
    let commit = marked.as_ref().map_or_else(Commit::default, |marked| {
        marked.commit(&AppendMark { run: run.run.id.clone(), inputs: reads.clone(), rows: digest.rows })
    });
    let added = match publisher.server_digest().filter(|_| mode == Mode::Append) {
        Some(digests) => digests.added(&place.table, digest).await?,
        None => None,
    };
    publisher.commit(commit).await?;
    fail::fail_point!("append::published");
    run.reuse.versions.forget(&place);
    let output = match &added {
        _ if mode == Mode::Replace => run.reuse.versions.wrote_all(&place, digest).await?,
        Some(added) => run.reuse.versions.appended(node, &place, added).await?,
        None => run.reuse.versions.of(node).await?,
    };
    run.remember(node, reads, output.map(|version| version.value()), Some(digest.rows))?;
    let mut report = NodeReport::new(node.clone(), Status::Succeeded, began);
    (report.rows, report.bytes, report.checks) = (Some(digest.rows), bytes, checks);
    report.operators = operators::of(plan.as_ref());
    report.took = run.runner.since(began);
    Ok(report)
}

/// How the model's checks go on the rows that are to be published; an error if one breaks.
async fn checked(
    run: &StepRun,
    node: &NodeId,
    model: &Model,
    publisher: &dyn Publication,
    table: &Name,
    session: &Session,
) -> Result<Vec<CheckReport>> {
    let checks = if model.config.checks.is_empty() {
        vec![]
    } else {
        let Preview { rows, unique } = publisher.preview(table).await?;
        let rows = check::Rows { provider: rows, unique };
        check::run(&run.runner, session, &model.name, rows, &model.config.checks).await?
    };
    run.checked(node, &checks);
    if let Some(broken) = check::first_broken(&checks) {
        return Err(check::broken(&node.name(), broken));
    }
    Ok(checks)
}

/// The report of rows that an earlier try has published.
async fn added_before(run: &StepRun, node: &NodeId, mark: AppendMark, began_us: i64) -> Result<NodeReport> {
    let output = run.reuse.versions.of(node).await?;
    run.remember(node, mark.inputs, output.map(|version| version.value()), Some(mark.rows))?;
    let mut report = NodeReport::new(node.clone(), Status::Succeeded, began_us);
    report.rows = Some(mark.rows);
    report.note = Some("its rows were published by an earlier try".to_owned());
    report.took = run.runner.since(began_us);
    Ok(report)
}

fn adds(model: &Model) -> bool {
    model.config.materialized == Materialized::Incremental
}

/// The definition of an incremental model's table, if it can be added to.
async fn existing(run: &StepRun, node: &NodeId, model: &Model) -> Result<Option<TableDefinition>> {
    let (place, connection) = run.locate(node)?;
    if !adds(model) || run.is_full_refresh(model) || !connection.abilities().replace {
        return Ok(None);
    }
    Ok(connection.readable()?.describe(&TableRequest::all(place.table)).await?)
}

fn rendered(run: &StepRun, model: &Model, incremental: bool) -> Result<Rendered> {
    let again = model.rendered.uses_run || (incremental && model.rendered.uses_incremental);
    if !again {
        return Ok(model.rendered.clone());
    }
    let outcome = run.runner.project.render(model, &run.run, incremental);
    outcome.map(|outcome| outcome.rendered).map_err(|problem| Error::Project(Box::new(problem)))
}

/// Gives a complaint without a place the model's.
pub(super) fn at_model(error: Error, model: &Model) -> Error {
    match error {
        Error::Project(mut problem) => {
            problem.span.get_or_insert(model.config.span);
            Error::Project(problem)
        }
        other => other,
    }
}

/// The key names a row, and may hold NULL as any column of a query may: it is unique rather than primary. Under
/// `delete_insert` it names a group of rows.
pub(super) fn definition(model: &Model, schema: &SchemaRef) -> TableDefinition {
    let columns = schema.fields().iter().filter_map(|field| engine_connect::arrow::types::column(field)).collect();
    let groups =
        model.config.materialized == Materialized::Incremental && model.config.strategy == Strategy::DeleteInsert;
    let unique = if model.config.key.is_empty() || groups { vec![] } else { vec![key(model)] };
    TableDefinition { columns, unique, ..TableDefinition::default() }
}

fn same_columns(there: &TableDefinition, now: &SchemaRef, model: &Model) -> Result<()> {
    let missing: Vec<&str> =
        now.fields().iter().map(|field| field.name().as_str()).filter(|name| there.column(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the table of `{}` has no column {}", model.name, missing.join(", "));
    let hint = format!("build it anew: `engine run {} --full-refresh`", model.name);
    Err(Error::Project(Box::new(Diagnostic::error(&code::E0308, model.config.span, message).hint(hint))))
}
