//! SQL: sessions of DataFusion, planning, errors brought home to the user's line, and what the SQL of a project means:
//! PostgreSQL's values and types, on DataFusion's plans.
//!
//! Three places change what DataFusion does: functions and aggregates of ours that stand in for its own, planners of
//! expressions that give operators to them, and rules that rewrite a plan before its types are coerced.

mod aggregates;
pub mod classify_error;
mod datediff;
mod deep;
mod joins;
mod json;
pub mod operators;
pub mod query;
pub mod refusal;
mod regexp;
pub mod session;
pub mod source_map;
mod spill;
pub mod statement;
pub mod subquery;
mod texts;
pub mod words;

use datafusion::{
    arrow::datatypes::SchemaRef,
    execution::{SessionState, SessionStateBuilder, runtime_env::RuntimeEnv},
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF, planner::ExprPlanner},
    optimizer::{Analyzer, AnalyzerRule},
    prelude::{SessionConfig, SessionContext},
};
use engine_language::graph::NodeId;
use std::{collections::BTreeMap, sync::Arc};

/// The columns of each node whose columns are known.
pub type Schemas = BTreeMap<NodeId, SchemaRef>;

/// Sets what DataFusion can be asked for.
pub fn configure(config: &mut SessionConfig) {
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // DataFusion's issue 25350: it fails where a window stands below.
    options.optimizer.enable_distinct_aggregation_soft_limit = false;
}

/// A context in which SQL has our meaning.
pub fn context(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionContext {
    let context = SessionContext::new_with_state(state(config, runtime));
    install(&context);
    context
}

fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_analyzer_rules(rules())
        .with_optimizer_rules(joins::optimizer_rules())
        .build()
}

/// The rules that rewrite a plan: ours, before DataFusion coerces types.
fn rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let ours: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(subquery::UnnestSubqueries)];
    ours.into_iter().chain(Analyzer::new().rules).collect()
}

/// Registers what has the name of a function, or plans an operator.
fn install(context: &SessionContext) {
    for function in functions() {
        context.register_udf(function);
    }
    for aggregate in aggregates() {
        context.register_udaf(aggregate);
    }
    for window in windows() {
        context.register_udwf(window);
    }
    let state = context.state_ref();
    let mut state = state.write();
    for planner in planners() {
        datafusion::execution::FunctionRegistry::register_expr_planner(&mut *state, planner)
            .expect("a session takes planners");
    }
}

/// What plans operators.
fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![]
}

/// Functions of a row.
fn functions() -> Vec<ScalarUDF> {
    [regexp::functions(), json::functions(), vec![datediff::function()]].into_iter().flatten().collect()
}

/// Functions of a group.
fn aggregates() -> Vec<AggregateUDF> {
    vec![aggregates::average::Average::default().into()]
}

/// Functions of a window.
fn windows() -> Vec<WindowUDF> {
    vec![]
}
