//! DataFusion's rules for plans, without what two of them do to joins by `is not distinct from`: such a join takes NULL for
//! equal to NULL in all its keys, and they make keys of its `=` too.

use datafusion::{
    common::{
        NullEquality, Result,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Join, JoinType, LogicalPlan},
    optimizer::{
        ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule, extract_equijoin_predicate::ExtractEquijoinPredicate,
    },
};
use std::sync::Arc;

/// The rules in their order.
pub fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules = Optimizer::new().rules.into_iter();
    let replaced = rules.map(|rule| match rule.name() {
        "extract_equijoin_predicate" => Arc::new(ExtractKeys::default()) as Arc<dyn OptimizerRule + Send + Sync>,
        "eliminate_cross_join" => Arc::new(OrderJoins(rule)),
        _ => rule,
    });
    replaced.collect()
}

/// Makes keys of what a join asks for, unless it takes NULL for equal to NULL.
#[derive(Debug, Default)]
struct ExtractKeys {
    own: ExtractEquijoinPredicate,
}

impl OptimizerRule for ExtractKeys {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.own.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Join(Join { null_equality: NullEquality::NullEqualsNull, .. }) => Ok(Transformed::no(plan)),
            plan => self.own.rewrite(plan, config),
        }
    }
}

/// Puts joins in order by what they are joined by, unless one of them takes NULL for equal to NULL.
#[derive(Debug)]
struct OrderJoins(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for OrderJoins {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let by_null = |node: &LogicalPlan| match node {
            LogicalPlan::Join(join) => {
                join.join_type == JoinType::Inner && join.null_equality == NullEquality::NullEqualsNull
            }
            _ => false,
        };
        if plan.exists(|node| Ok(by_null(node)))? {
            return Ok(Transformed::no(plan));
        }
        self.0.rewrite(plan, config)
    }
}
