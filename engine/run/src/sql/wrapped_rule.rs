//! A rule of the optimizer that is run in a way of ours.

use datafusion::{
    common::{Result, tree_node::Transformed},
    logical_expr::LogicalPlan,
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
};
use std::{fmt, sync::Arc};

/// A rule of DataFusion's or of ours.
pub type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// Rewrites a plan by a rule, or does not.
type Rewrite = fn(&Rule, LogicalPlan, &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>>;

/// The same rule, of the same name, of which a function decides what it does to a plan.
pub struct WrappedRule {
    rule: Rule,
    rewrite: Rewrite,
}

impl WrappedRule {
    /// Puts the function round the rule.
    pub fn around(rule: Rule, rewrite: Rewrite) -> Rule {
        Arc::new(Self { rule, rewrite })
    }
}

impl fmt::Debug for WrappedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WrappedRule").field(&self.rule).finish()
    }
}

impl OptimizerRule for WrappedRule {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        (self.rewrite)(&self.rule, plan, config)
    }
}
