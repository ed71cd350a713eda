//! DataFusion's rules for plans, mended. Two make keys of `=` in a join by `is not distinct from`, which takes NULL for equal
//! to NULL in all its keys; three believe that columns depend on others; one puts filters below aggregates of all rows.

use super::{
    dependencies,
    wrapped_rule::{Rule, WrappedRule},
};
use datafusion::{
    common::{
        NullEquality, Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Aggregate, Expr, Join, JoinType, LogicalPlan},
    optimizer::{Optimizer, OptimizerConfig},
};

/// The rules in their order.
pub fn optimizer_rules() -> Vec<Rule> {
    let rules = Optimizer::new().rules.into_iter();
    let replaced = rules.map(|rule| match rule.name() {
        "extract_equijoin_predicate" => WrappedRule::around(rule, extract_keys),
        "eliminate_cross_join" => WrappedRule::around(rule, order_joins),
        "eliminate_join" | "optimize_projections" => WrappedRule::around(rule, dependencies::without),
        "replace_distinct_aggregate" => WrappedRule::around(rule, dependencies::distinct),
        "push_down_filter" => WrappedRule::around(rule, push_down),
        _ => rule,
    });
    replaced.collect()
}

/// Makes keys of what a join asks for, unless it takes NULL for equal to NULL.
fn extract_keys(rule: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Join(Join { null_equality: NullEquality::NullEqualsNull, .. }) => Ok(Transformed::no(plan)),
        plan => rule.rewrite(plan, config),
    }
}

/// Puts filters where there are fewer rows, but none of constants below an aggregate that has a row also where it has none
/// to count.
fn push_down(rule: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = &plan else { return rule.rewrite(plan, config) };
    let mut below = filter.input.as_ref();
    while let LogicalPlan::Filter(filter) = below {
        below = filter.input.as_ref();
    }
    match below {
        LogicalPlan::Aggregate(aggregate) if has_a_row(aggregate) => Ok(Transformed::no(plan)),
        _ => rule.rewrite(plan, config),
    }
}

/// Whether it has a row of no rows: it groups by nothing, or one of its sets does.
fn has_a_row(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.is_empty() || matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)])
}

/// Puts joins in order by what they are joined by, unless one of them takes NULL for equal to NULL.
fn order_joins(rule: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let by_null = |node: &LogicalPlan| match node {
        LogicalPlan::Join(join) => {
            join.join_type == JoinType::Inner && join.null_equality == NullEquality::NullEqualsNull
        }
        _ => false,
    };
    if plan.exists(|node| Ok(by_null(node)))? {
        return Ok(Transformed::no(plan));
    }
    rule.rewrite(plan, config)
}
