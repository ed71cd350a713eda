//! The distinct values for which a subquery has to be computed.

use super::{Unnesting, refused};
use datafusion::{
    common::{Column, Result, tree_node::TreeNodeRecursion},
    logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder},
};

/// The values of some expressions over a plan.
pub struct Domain<'a> {
    pub unnesting: &'a Unnesting,
    /// Tells its columns from those of other domains.
    id: usize,
    values: LogicalPlan,
    /// The outer columns that the first of the values are.
    pub outer: Vec<Column>,
    width: usize,
}

impl<'a> Domain<'a> {
    /// The values of the outer columns, and of more expressions, over a plan.
    pub fn new(unnesting: &'a Unnesting, input: &LogicalPlan, outer: &[Column], more: &[Expr]) -> Result<Self> {
        if volatile(input)? || more.iter().any(Expr::is_volatile) {
            return Err(refused("the query around it calls a function that gives another value each time").into());
        }
        let outer_values = outer.iter().cloned().map(Expr::Column);
        let id = unnesting.number();
        let all = outer_values.chain(more.iter().cloned()).enumerate().map(|(at, expr)| expr.alias(key(id, at)));
        let values = LogicalPlanBuilder::from(superset(input)).project(all)?.distinct()?.build()?;
        Ok(Self { unnesting, id, values, outer: outer.to_vec(), width: outer.len() + more.len() })
    }

    /// The name of a value's column, which no other domain has.
    pub fn key(&self, at: usize) -> String {
        key(self.id, at)
    }

    /// The values as a relation of its own, and its columns.
    pub fn instance(&self) -> Result<(LogicalPlan, Vec<Column>)> {
        let name = self.unnesting.name("domain");
        let plan = LogicalPlanBuilder::from(self.values.clone()).alias(name.clone())?.build()?;
        let columns = (0..self.width).map(|at| Column::new(Some(name.clone()), self.key(at))).collect();
        Ok((plan, columns))
    }
}

fn key(domain: usize, at: usize) -> String {
    format!("__key_{domain}_{at}")
}

fn volatile(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// A plan with the same rows and perhaps more: which rows a `limit` leaves may differ each time it is asked, and values
/// that nobody asks for do no harm.
fn superset(plan: &LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::Limit(limit) => superset(&limit.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => superset(&sort.input),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Join(Join { join_type: JoinType::Inner, .. }) => below(plan),
        _ => plan.clone(),
    }
}

fn below(plan: &LogicalPlan) -> LogicalPlan {
    let inputs = plan.inputs().into_iter().map(superset).collect();
    plan.with_new_exprs(plan.expressions(), inputs).unwrap_or_else(|_| plan.clone())
}
