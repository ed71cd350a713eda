//! Singular tests: a query that must return no rows.

use crate::{
    check,
    error::Result,
    inputs,
    report::{CheckReport, NodeReport, Status},
    sql::classify_error,
    steps::step_run::StepRun,
};
use engine_language::{graph::NodeId, model::CheckSeverity};

/// Runs a test, unless it passed over the same rows before.
pub async fn run(run: &StepRun, node: &NodeId) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    // What warned was not remembered: it is run again, so that it warns again.
    if !run.runner.options.full_refresh
        && let Some(report) = run.reused(node, began).await?
    {
        let note = report.note.map(|note| format!("passed, {note}"));
        return Ok(NodeReport { done: "Tested", note, ..report });
    }
    let reads = run.reuse.known_inputs(node);
    let check = look(run, node).await?;
    run.checked(node, std::slice::from_ref(&check));
    if check.failing == 0 {
        run.remember(node, reads, None, None)?;
    } else if check.severity == CheckSeverity::Error {
        return Err(check::broken(&node.name(), &check));
    }
    let mut report = NodeReport::new(node.clone(), Status::Succeeded, began);
    report.done = "Tested";
    report.checks.push(check);
    report.took = run.runner.since(began);
    Ok(report)
}

async fn look(run: &StepRun, node: &NodeId) -> Result<CheckReport> {
    let test = run.runner.project.singular_test(node).expect("a step that tests is about a test");
    let session = run.sessions().open();
    inputs::open(&run.runner, &session, &test.rendered).await?;
    let locate = |error| classify_error::in_model(&test.rendered, error, node);
    let frame = session.query(&test.rendered.sql).await.map_err(locate)?;
    let (failing, examples) = check::failing_rows(frame).await.map_err(locate)?;
    let span = run.runner.project.graph.nodes.get(node).and_then(|node| node.span);
    Ok(CheckReport { name: node.name().into_owned(), severity: test.severity, failing, examples, span })
}
