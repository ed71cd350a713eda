//! DataFusion's rules for plans, without what two of them do to joins by `is not distinct from`: such a join takes NULL for
//! equal to NULL in all its keys, and they make keys of its `=` too.

use super::wrapped_rule::{Rule, WrappedRule};
use datafusion::{
    common::{
        NullEquality, Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Join, JoinType, LogicalPlan},
    optimizer::{Optimizer, OptimizerConfig},
};

/// The rules in their order.
pub fn optimizer_rules() -> Vec<Rule> {
    let rules = Optimizer::new().rules.into_iter();
    let replaced = rules.map(|rule| match rule.name() {
        "extract_equijoin_predicate" => WrappedRule::around(rule, extract_keys),
        "eliminate_cross_join" => WrappedRule::around(rule, order_joins),
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
