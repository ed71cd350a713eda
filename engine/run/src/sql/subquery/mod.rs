//! Subqueries become joins: those that DataFusion joins rightly are left to it (`native`), and all others are computed for
//! the distinct values of what they refer to (`dependent`), after Neumann and Kemper, "Unnesting Arbitrary Queries" (2015).

mod attach;
mod dependent;
mod dependent_joins;
mod domain;
mod lateral;
mod native;
mod nodes;
mod references;
mod single_value;

pub use single_value::more_than_one;

use super::{deep::deep, refusal::Refusal};
use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::LogicalPlan,
    optimizer::AnalyzerRule,
    sql::sqlparser::tokenizer::Span,
};
use engine_language::code;
use std::cell::Cell;

/// The rule that unnests. It has to run before types are coerced, since it makes comparisons.
#[derive(Debug, Default)]
pub struct UnnestSubqueries;

impl AnalyzerRule for UnnestSubqueries {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        deep(|| {
            let plan = Unnesting::default().plan(plan)?;
            // What refers to a query that is not there would be an error of the planner, in its own words.
            let mut astray = false;
            plan.apply(|node| {
                node.apply_expressions(|expr| {
                    astray |= references::any_in_expression(expr);
                    Ok(TreeNodeRecursion::Continue)
                })
            })?;
            if astray {
                return Err(refused("it refers to a column that is not read where it stands").into());
            }
            Ok(plan)
        })
    }

    fn name(&self) -> &'static str {
        "unnest_subqueries"
    }
}

/// One plan's unnesting.
#[derive(Default)]
struct Unnesting {
    /// Names that were given.
    names: Cell<usize>,
}

impl Unnesting {
    /// A number that nothing else in the plan has.
    fn number(&self) -> usize {
        self.names.set(self.names.get() + 1);
        self.names.get()
    }

    /// A name that nothing else in the plan has.
    fn name(&self, what: &str) -> String {
        format!("__{what}_{}", self.number())
    }

    /// The plan without the subqueries that are ours.
    fn plan(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let plan = match lateral::parts(plan) {
            Ok(parts) => return lateral::join(self, parts),
            Err(plan) => *plan,
        };
        let plan = plan.map_children(|child| self.plan(child).map(Transformed::yes))?.data;
        nodes::rewrite(self, plan)
    }
}

/// A subquery that cannot be written as a join.
fn refused(why: &str) -> Refusal {
    let message = format!("this subquery is not supported: {why}");
    Refusal::new(&code::E0216, Span::empty(), message)
        .hint("write it as a join, or make what it reads a query of its own in `with`")
}
