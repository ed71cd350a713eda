//! What the operators of a query did, as DataFusion counted it.

use datafusion::physical_plan::{ExecutionPlan, metrics::MetricValue};
use std::time::Duration;

/// An operator of a query that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// DataFusion's name for it, such as `HashJoinExec`.
    pub name: String,
    /// Who takes its rows, by place in the list; `None` of the one that made the result.
    pub into: Option<usize>,
    /// When it began, in microseconds since 1970 UTC, if it counts that.
    pub started_us: Option<i64>,
    /// When it ended, in microseconds since 1970 UTC, if it counts that.
    pub ended_us: Option<i64>,
    /// Rows that left it.
    pub rows: Option<u64>,
    /// How long it computed, on all cores together.
    pub busy: Duration,
    /// Bytes that it spilled.
    pub spilled_bytes: u64,
}

/// The operators of a plan that ran, each after the one that takes its rows.
pub fn of(plan: &dyn ExecutionPlan) -> Vec<Operator> {
    let mut all = vec![];
    add(plan, None, &mut all);
    all
}

fn add(plan: &dyn ExecutionPlan, into: Option<usize>, all: &mut Vec<Operator>) {
    let at = all.len();
    all.push(one(plan, into));
    for child in plan.children() {
        add(child.as_ref(), Some(at), all);
    }
}

fn one(plan: &dyn ExecutionPlan, into: Option<usize>) -> Operator {
    let metrics = plan.metrics().unwrap_or_default();
    let times = |of: fn(&MetricValue) -> Option<i64>| metrics.iter().filter_map(move |metric| of(metric.value()));
    Operator {
        name: plan.name().to_owned(),
        into,
        started_us: times(started).min(),
        ended_us: times(ended).max(),
        rows: metrics.output_rows().map(|rows| rows as u64),
        busy: Duration::from_nanos(metrics.elapsed_compute().unwrap_or(0) as u64),
        spilled_bytes: metrics.spilled_bytes().unwrap_or(0) as u64,
    }
}

fn started(value: &MetricValue) -> Option<i64> {
    match value {
        MetricValue::StartTimestamp(at) => at.value().map(|at| at.timestamp_micros()),
        _ => None,
    }
}

fn ended(value: &MetricValue) -> Option<i64> {
    match value {
        MetricValue::EndTimestamp(at) => at.value().map(|at| at.timestamp_micros()),
        _ => None,
    }
}
