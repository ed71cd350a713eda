//! SQL: sessions of DataFusion, planning, errors brought home to the user's line, and what the SQL of a project means:
//! PostgreSQL's values and types, on DataFusion's plans.
//!
//! Three places change what DataFusion does: functions and aggregates of ours that stand in for its own, planners of
//! expressions that give operators to them, and rules that rewrite a plan before its types are coerced.

mod aggregates;
mod binary_operators;
mod calendar;
mod cast;
pub mod classify_error;
mod datediff;
mod deep;
mod dependencies;
mod failed;
mod function;
mod interval;
mod joins;
mod json;
mod kind;
mod machine_memory;
mod math;
mod meaning;
mod memory_pool;
mod numeric;
mod operands;
pub mod operators;
mod planner;
mod progress_watch;
pub mod query;
pub mod refusal;
mod regexp;
mod rounding;
pub mod session;
mod session_zone;
pub mod source_map;
mod spill;
pub mod statement;
pub mod subquery;
pub mod syntax;
pub mod system_error;
mod text;
mod texts;
mod time;
mod time_functions;
mod units;
mod value;
mod width_bucket;
pub mod words;
mod wrapped_rule;

use datafusion::{
    arrow::datatypes::SchemaRef,
    execution::{SessionState, SessionStateBuilder, SessionStateDefaults, runtime_env::RuntimeEnv},
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF, planner::ExprPlanner},
    optimizer::{Analyzer, AnalyzerRule},
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    prelude::{SessionConfig, SessionContext},
};
use engine_language::graph::NodeId;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use wrapped_rule::{Rule, WrappedRule};

/// The columns of each node whose columns are known.
pub type Schemas = BTreeMap<NodeId, SchemaRef>;

/// What differs from session to session.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The zone in which times are read and written; UTC if none is given.
    pub timezone: Option<String>,
    /// What `now()` gives, in microseconds since 1970 UTC; the query's own start if it belongs to no run.
    pub started_us: Option<i64>,
    /// How long a query may stand still; for ever if it is not given.
    pub stalled_after: Option<Duration>,
}

/// Sets what DataFusion can be asked for.
pub fn configure(config: &mut SessionConfig, settings: &Settings) {
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // DataFusion's issue 25350: it fails where a window stands below.
    options.optimizer.enable_distinct_aggregation_soft_limit = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.time_zone = Some(settings.timezone.clone().unwrap_or_else(|| "UTC".to_owned()));
}

/// A context in which SQL has our meaning.
pub fn context(config: SessionConfig, runtime: Arc<RuntimeEnv>, settings: &Settings) -> SessionContext {
    let context = SessionContext::new_with_state(state(config, runtime, settings));
    install(&context, settings);
    context
}

fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>, settings: &Settings) -> SessionState {
    let builder = SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_analyzer_rules(rules())
        .with_optimizer_rules(optimizer_rules())
        .with_physical_optimizer_rules(physical_optimizer_rules())
        .with_query_planner(Arc::new(planner::Planner))
        .with_expr_planners(planners())
        .with_relation_planners(vec![Arc::new(dependencies::Independent::default())])
        .with_type_planner(Arc::new(cast::target::Types));
    match settings.stalled_after {
        // It watches what the other rules have made.
        Some(longest) => builder.with_physical_optimizer_rule(Arc::new(progress_watch::WatchProgress { longest })),
        None => builder,
    }
    .build()
}

/// The rules that rewrite a plan: ours, before DataFusion coerces types.
fn rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let ours: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(subquery::UnnestSubqueries), Arc::new(meaning::Meaning::default())];
    ours.into_iter().chain(Analyzer::new().rules).collect()
}

/// DataFusion's rules that optimize a plan, mended; one that panics makes an error.
fn optimizer_rules() -> Vec<Rule> {
    let rules = joins::optimizer_rules().into_iter();
    rules.map(|rule| WrappedRule::around(rule, planner::caught_rewrite)).collect()
}

/// DataFusion's rules that optimize operators, but those that push filters down once more: they know a column by its name
/// alone, and take one side's for the other's above a join.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let rules = PhysicalOptimizer::new().rules.into_iter().filter(|rule| !rule.name().starts_with("FilterPushdown"));
    let mended = rules.map(|rule| match rule.name() {
        "ProjectionPushdown" => Arc::new(planner::Optional(rule)) as Arc<_>,
        _ => rule,
    });
    mended.collect()
}

/// Registers what has the name of a function, or plans an operator.
fn install(context: &SessionContext, settings: &Settings) {
    for function in functions().into_iter().chain(time::now::functions(settings.started_us)) {
        context.register_udf(function);
    }
    for aggregate in aggregates() {
        context.register_udaf(aggregate);
    }
    for window in windows() {
        context.register_udwf(window);
    }
}

/// What plans operators: ours before DataFusion's, which take all that they are asked.
fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    let ours: Vec<Arc<dyn ExprPlanner>> = vec![
        Arc::new(binary_operators::planner::Operators::new(binary_operators::functions())),
        Arc::new(time::fields::Extracts),
    ];
    ours.into_iter().chain(SessionStateDefaults::default_expr_planners()).collect()
}

/// Functions of a row.
fn functions() -> Vec<ScalarUDF> {
    let rows = [binary_operators::functions(), math::functions(), time_functions::functions()];
    let rows = rows.into_iter().flatten().map(ScalarUDF::new_from_impl);
    rows.chain(regexp::functions()).chain(json::functions()).chain([datediff::function()]).collect()
}

/// Functions of a group.
fn aggregates() -> Vec<AggregateUDF> {
    aggregates::functions()
}

/// Functions of a window.
fn windows() -> Vec<WindowUDF> {
    vec![]
}
