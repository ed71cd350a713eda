//! Checks, singular tests and snapshots over generated data.

use super::{
    Detail, TestKind, TestResult, TestStatus,
    rehearsal::{NOW_US, Rehearsal, Stage},
    snapshot::{self, Update},
};
use crate::{
    error::{Error, Result},
    location,
    plan::{self, Plan, Why},
    report::{CheckReport, NodeReport, Status},
};
use engine_language::{
    code,
    config::generator::Rows,
    diagnostic::Diagnostic,
    graph::{NodeId, NodeKind},
    model::CheckSeverity,
    project::Project,
};
use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

/// Generators make at most this many rows for tests; those `per` row of another make so many for each.
pub const MOST_ROWS: u64 = 100;

/// Builds the selected nodes and all before them on generated data, and looks at what came.
pub async fn run(stage: &Stage, root: &Path, selection: &BTreeSet<NodeId>, update: Update) -> Result<Vec<TestResult>> {
    let (able, unable): (BTreeSet<NodeId>, BTreeSet<NodeId>) =
        selection.iter().cloned().partition(|node| unsupplied(&stage.project, node).is_none());
    let mut results: Vec<TestResult> = unable.iter().filter_map(|node| skipped(&stage.project, node)).collect();
    let wanted: BTreeSet<NodeId> =
        stage.project.graph.all_ancestors(&able, None).into_iter().chain(able.iter().cloned()).collect();
    let plan = plan::plan(&stage.project, &wanted, &|_| Why::New);
    if plan.steps.is_empty() {
        return Ok(results);
    }
    let rehearsal = Rehearsal::open(stage, small(&stage.project))?;
    let reports = reports(&rehearsal, &plan).await;
    for report in &reports {
        results.extend(of_node(&stage.project, report, able.contains(&report.node)));
    }
    for node in able.iter().filter(|node| snapshot::recorded(&stage.project, node)) {
        if reports.iter().any(|report| report.node == *node && report.status == Status::Succeeded) {
            results.push(compare(stage, &rehearsal, root, node, update).await?);
        }
    }
    Ok(results)
}

async fn reports(rehearsal: &Rehearsal, plan: &Plan) -> Vec<NodeReport> {
    rehearsal.run(plan).await.nodes
}

/// The project with generators that make few rows, at a fixed time.
fn small(project: &Project) -> Project {
    let mut project = project.clone();
    for generator in project.generators.values_mut() {
        if let Rows::Count(count) = &mut generator.rows {
            *count = (*count).min(MOST_ROWS);
        }
        generator.as_of_us.get_or_insert(NOW_US);
    }
    project
}

/// A source that a node depends on and that nothing in the project fills.
fn unsupplied(project: &Project, node: &NodeId) -> Option<NodeId> {
    let mut before = project.graph.ancestors(node);
    before.insert(node.clone());
    before
        .into_iter()
        .find(|node| node.kind() == NodeKind::Source && project.graph.parents.get(node).is_none_or(BTreeSet::is_empty))
}

/// Says that a node's tests were left out.
fn skipped(project: &Project, node: &NodeId) -> Option<TestResult> {
    let kind = match node.kind() {
        NodeKind::Model => TestKind::Snapshot,
        NodeKind::Test => TestKind::Singular,
        _ => return None,
    };
    if kind == TestKind::Snapshot && !snapshot::recorded(project, node) {
        return None;
    }
    let source = unsupplied(project, node)?;
    let note = format!("no generator fills `{}`", source.name());
    Some(result(project, node, kind, TestStatus::Skipped, Some(Detail::Note(note))))
}

fn result(project: &Project, node: &NodeId, kind: TestKind, status: TestStatus, detail: Option<Detail>) -> TestResult {
    let span = project.graph.nodes.get(node).and_then(|node| node.span);
    TestResult { kind, name: node.name().into_owned(), status, took: Duration::ZERO, detail, span }
}

/// What a node's report says: its checks, or why it could not be built.
fn of_node(project: &Project, report: &NodeReport, selected: bool) -> Vec<TestResult> {
    let kind = if report.node.kind() == NodeKind::Test { TestKind::Singular } else { TestKind::Node };
    if let Some(failure) = &report.failure {
        let broken_check = failure.diagnostic.code.id == code::E0302.id && kind == TestKind::Node;
        let kind = if broken_check { TestKind::Check } else { kind };
        let detail = Detail::Problem(Box::new(failure.diagnostic.clone()));
        return vec![result(project, &report.node, kind, TestStatus::Failed, Some(detail))];
    }
    if report.status == Status::Skipped {
        let note = report.note.clone().map(Detail::Note);
        return vec![result(project, &report.node, kind, TestStatus::Skipped, note)];
    }
    if !selected {
        return vec![];
    }
    report.checks.iter().map(|check| of_check(project, report, check, kind)).collect()
}

fn of_check(project: &Project, report: &NodeReport, check: &CheckReport, kind: TestKind) -> TestResult {
    let status = match (check.failing, check.severity) {
        (0, _) => TestStatus::Passed,
        (_, CheckSeverity::Warn) => TestStatus::Warned,
        (_, CheckSeverity::Error) => TestStatus::Failed,
    };
    let detail = (check.failing > 0).then(|| {
        let span = project.graph.nodes.get(&report.node).and_then(|node| node.span);
        let mut problem =
            Diagnostic::warning(&code::E0302, span, format!("{} rows break {}", check.failing, check.name));
        if !check.examples.is_empty() {
            problem = problem.hint(format!("such as\n{}", check.examples.join("\n")));
        }
        Detail::Problem(Box::new(problem))
    });
    let (kind, name) = match kind {
        TestKind::Singular => (kind, report.node.name().into_owned()),
        _ => (TestKind::Check, format!("{} {}", report.node.name(), check.name)),
    };
    TestResult { name, ..result(project, &report.node, kind, status, detail) }
}

async fn compare(
    stage: &Stage,
    rehearsal: &Rehearsal,
    root: &Path,
    node: &NodeId,
    update: Update,
) -> Result<TestResult> {
    let began = Instant::now();
    let model = stage.project.model(node).expect("a step that builds is about a model");
    let place = location::of(&stage.project, node).expect("a model that is recorded is a table");
    let key: Vec<&str> = model.config.key.iter().map(|column| column.as_str()).collect();
    let cells = rehearsal.cells(&place, &key).await?;
    let source = stage.project.files.path(model.file).to_owned();
    let recorded = snapshot::Recorded { root, name: model.name.as_str(), source: &source };
    let (status, detail) = match recorded.compare(&cells, &key, update) {
        Err(Error::Project(problem)) => (TestStatus::Failed, Some(Detail::Problem(problem))),
        other => other?,
    };
    Ok(TestResult { took: began.elapsed(), ..result(&stage.project, node, TestKind::Snapshot, status, detail) })
}
