//! Unit tests: one model over given rows, step by step.

use super::{
    Detail, TestKind, TestResult, TestStatus,
    cells::Cells,
    difference::{Difference, compare},
    given,
    rehearsal::{self, Rehearsal, Stage},
};
use crate::{
    error::{Error, Result},
    location,
    plan::{Action, Plan, Step, Why},
    sql::classify_error,
    systems,
};
use datafusion::arrow::datatypes::Field;
use engine_language::{
    code,
    config::unit_test::{GivenRows, UnitStep, UnitTest},
    diagnostic::Diagnostic,
    graph::NodeId,
    model::{Materialized, Model},
    name::Name,
    project::Project,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

/// Runs the unit tests of the selected models.
pub async fn run(stage: &Stage, selection: &BTreeSet<NodeId>) -> Result<Vec<TestResult>> {
    let mut results = vec![];
    for test in &stage.project.unit_tests {
        let node = NodeId::Model(test.model.value.clone());
        if !selection.contains(&node) {
            continue;
        }
        let began = Instant::now();
        let (status, detail) = match one(stage, test, &node).await {
            Ok(None) => (TestStatus::Passed, None),
            Ok(Some(detail)) => (TestStatus::Failed, Some(detail)),
            Err(error) => {
                let problem = classify_error::of(&error, Some(test.name.span));
                (TestStatus::Failed, Some(Detail::Problem(Box::new(problem))))
            }
        };
        results.push(TestResult {
            kind: TestKind::Unit,
            name: format!("{}.{}", test.model.value, test.name.value),
            status,
            took: began.elapsed(),
            detail,
            span: Some(test.name.span),
        });
    }
    Ok(results)
}

async fn one(stage: &Stage, test: &UnitTest, node: &NodeId) -> Result<Option<Detail>> {
    let rehearsal = Rehearsal::open(stage, rewritten(stage, test)?)?;
    for (at, step) in test.steps.iter().enumerate() {
        let model = rehearsal.runner.project.model(node).expect("a step that builds is about a model");
        give(stage, &rehearsal, model, step, at == 0).await?;
        let step_plan =
            Step { nodes: vec![node.clone()], action: Action::Build, after: BTreeSet::new(), why: Why::Asked };
        let mut report = rehearsal.run(&Plan { steps: vec![step_plan] }).await;
        let failure = report.nodes.pop().and_then(|report| report.failure);
        let nth = if test.steps.len() > 1 { format!(" in step {}", at + 1) } else { String::new() };
        let detail = match (failure, &step.expect_error) {
            (None, None) => differ(&rehearsal, node, model, step.expect.as_ref()).await?,
            (Some(failure), None) => Some(Detail::Problem(Box::new(failure.diagnostic))),
            (Some(failure), Some(part)) if failure.diagnostic.message.contains(part.as_str()) => None,
            (Some(failure), Some(part)) => {
                let message = format!("another error than the expected one came{nth}");
                let problem = Diagnostic::error(&code::E0602, part.span, message);
                Some(Detail::Problem(Box::new(problem.hint(format!("it was: {}", failure.diagnostic.message)))))
            }
            (None, Some(part)) => {
                let message = format!("no error came{nth}, though one was expected");
                let problem = Diagnostic::error(&code::E0602, part.span, message);
                Some(Detail::Problem(Box::new(problem.hint("say which rows come instead: `expect = [{ … }]`"))))
            }
        };
        if detail.is_some() {
            return Ok(detail);
        }
    }
    Ok(None)
}

/// The project with the test's own values for `var()`. What the model reads is a table of given rows, and its checks are
/// left out: they are for whole data.
fn rewritten(stage: &Stage, test: &UnitTest) -> Result<Project> {
    let mut project = (*stage.project).clone();
    if !test.vars.is_empty() {
        let mut vars: BTreeMap<_, _> = (*project.vars).clone();
        vars.extend(test.vars.clone());
        project.vars = Arc::new(vars);
    }
    let model = project.models[&test.model.value].clone();
    let again = |incremental| {
        let outcome = project.render(&model, &rehearsal::run(), incremental);
        outcome.map(|outcome| outcome.rendered).map_err(|problem| Error::Project(Box::new(problem)))
    };
    let rendered = again(false)?;
    let reads = model.rendered.reads.iter().chain(&rendered.reads).map(|read| read.value.clone());
    let reads: Vec<Name> = reads.filter_map(|read| read.model().cloned()).filter(|read| *read != model.name).collect();
    for read in reads {
        if let Some(view) = project.models.get_mut(&read) {
            as_table(view);
        }
    }
    let model = project.models.get_mut(&test.model.value).expect("the model was just there");
    model.rendered.sql = rendered.sql;
    model.rendered.pieces = rendered.pieces;
    model.config.checks.clear();
    as_table(model);
    Ok(project)
}

fn as_table(model: &mut Model) {
    if matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral) {
        model.config.materialized = Materialized::Table;
    }
}

/// Fills what the model reads. In the first step what is not given is empty; later it stays as it is.
async fn give(stage: &Stage, rehearsal: &Rehearsal, model: &Model, step: &UnitStep, first: bool) -> Result<()> {
    let project = &rehearsal.runner.project;
    let none = GivenRows { span: model.config.span, rows: vec![] };
    for read in model.rendered.reads.iter().filter(|read| read.model() != Some(&model.name)) {
        let node = &read.value;
        let rows = match step.rows_of(node) {
            Some(rows) => rows,
            None if first => &none,
            None => continue,
        };
        let place = location::of(project, node).expect("what a tested model reads is a table");
        let unknown = || {
            let message = format!("the columns of `{}` are not known, so no rows of it can be given", node.name());
            let hint = "`engine check --online` asks its system and writes project/schema.lock";
            Error::Project(Box::new(Diagnostic::error(&code::E0603, rows.span, message).hint(hint)))
        };
        let schema = stage.schemas.get(node).ok_or_else(unknown)?;
        let topic = !rehearsal.runner.systems.get(&place.connection)?.abilities().replace;
        let own = |field: &&Arc<Field>| !topic || !field.name().starts_with('_') || field.name() == "_key";
        let fields: Vec<Arc<Field>> = schema.fields().iter().filter(own).cloned().collect();
        let batch = given::batch(rows, &fields, &format!("`{}`", node.name()))?;
        if topic && batch.num_rows() == 0 && !first {
            continue;
        }
        rehearsal.fill(&place, batch, &systems::request(project, node, &place)).await?;
    }
    Ok(())
}

/// Compares the columns that the expected rows name with what the model holds.
async fn differ(
    rehearsal: &Rehearsal,
    node: &NodeId,
    model: &Model,
    expect: Option<&GivenRows>,
) -> Result<Option<Detail>> {
    let Some(expect) = expect else { return Ok(None) };
    let place = location::of(&rehearsal.runner.project, node).expect("a tested model is a table");
    let (schema, batches) = rehearsal.rows(&place).await?;
    let named =
        |field: &&Arc<Field>| expect.rows.is_empty() || expect.rows.iter().any(|row| row.contains_key(field.name()));
    let places: Vec<usize> = (0..schema.fields().len()).filter(|at| named(&&schema.fields()[*at])).collect();
    // All columns, so that one that is not there is complained of with the nearest.
    given::batch(expect, schema.fields(), &format!("`{}`", model.name))?;
    let fields: Vec<Arc<Field>> = places.iter().map(|at| schema.fields()[*at].clone()).collect();
    let expected = given::batch(expect, &fields, "")?;
    let came: Vec<_> = batches
        .iter()
        .map(|batch| batch.project(&places))
        .collect::<Result<_, _>>()
        .map_err(datafusion::error::DataFusionError::from)?;
    let key: Vec<&str> = model.config.key.iter().map(|column| column.as_str()).collect();
    let projected = Arc::new(schema.project(&places).map_err(datafusion::error::DataFusionError::from)?);
    let expected = Cells::of(&expected.schema(), &[expected], &key)?;
    let came = Cells::of(&projected, &came, &key)?;
    let difference: Option<Difference> = compare(&expected, &came, &key);
    Ok(difference.map(|difference| Detail::Difference(Box::new(difference))))
}
