//! `run_results.json`: how the last run went, node by node.

use super::metadata;
use crate::terminal::format::utc;
use engine_run::report::{NodeReport, Report, RunOutcome, Status};
use serde_json::{Value, json};

/// The whole file.
pub fn run_results(report: &Report, at_us: i64) -> Value {
    json!({
        "metadata": metadata("run_results", &report.run, at_us),
        "outcome": match report.outcome {
            RunOutcome::Succeeded => "succeeded",
            RunOutcome::Failed => "failed",
            RunOutcome::Cancelled => "cancelled",
        },
        "results": report.nodes.iter().map(result).collect::<Vec<_>>(),
        "elapsed_time": report.took.as_secs_f64(),
    })
}

/// One node's result.
pub fn result(node: &NodeReport) -> Value {
    let took_us = i64::try_from(node.took.as_micros()).unwrap_or(i64::MAX);
    let checks = node.checks.iter().map(|check| json!({ "name": check.name, "failures": check.failing }));
    json!({
        "unique_id": node.node.to_string(),
        "status": match node.status {
            Status::Succeeded => "success",
            Status::Reused => "reused",
            Status::Failed => "error",
            Status::Skipped => "skipped",
        },
        "timing": [{
            "name": "execute",
            "started_at": utc(node.started_us),
            "completed_at": utc(node.started_us.saturating_add(took_us)),
        }],
        "execution_time": node.took.as_secs_f64(),
        "message": node.failure.as_ref().map(|failure| failure.diagnostic.message.clone()).or_else(|| node.note.clone()),
        "code": node.failure.as_ref().map(|failure| failure.diagnostic.code.id),
        "failures": node.checks.iter().map(|check| check.failing).sum::<u64>(),
        "checks": checks.collect::<Vec<_>>(),
        "adapter_response": { "rows_affected": node.rows, "events": node.events, "rejected": node.rejected },
        "lag": node.lag,
        "verdict": node.verdict.map(|verdict| json!({
            "source": verdict.source.to_string(),
            "target": verdict.target.to_string(),
            "compared": verdict.compared.word(),
        })),
        "replaced": node.replaced.iter().map(|replaced| json!({
            "column": replaced.column,
            "why": replaced.oddity.key(),
            "count": replaced.count,
        })).collect::<Vec<_>>(),
    })
}
