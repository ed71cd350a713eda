//! `lateral`: a subquery of `from` that refers to what stands before it.

use super::{
    Unnesting,
    dependent::compute,
    domain::Domain,
    native::has_subquery,
    nodes,
    references::{columns, into},
    refused,
};
use datafusion::{
    common::{NullEquality, Result, TableReference},
    logical_expr::{
        Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, SubqueryAlias, binary_expr,
    },
};

/// A join with a lateral subquery, taken apart.
pub struct Parts {
    join: Join,
    subquery: Subquery,
    alias: Option<TableReference>,
}

/// The parts of a plan that is such a join; the plan itself if it is not.
pub fn parts(plan: LogicalPlan) -> Result<Parts, Box<LogicalPlan>> {
    let LogicalPlan::Join(join) = plan else { return Err(Box::new(plan)) };
    let found = match join.right.as_ref() {
        LogicalPlan::Subquery(subquery) => Some((subquery.clone(), None)),
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => match input.as_ref() {
            LogicalPlan::Subquery(subquery) => Some((subquery.clone(), Some(alias.clone()))),
            _ => None,
        },
        _ => None,
    };
    match found {
        Some((subquery, alias)) => Ok(Parts { join, subquery, alias }),
        None => Err(Box::new(LogicalPlan::Join(join))),
    }
}

/// Joins each row with what the subquery gives for its values.
pub fn join(unnesting: &Unnesting, parts: Parts) -> Result<LogicalPlan> {
    let Parts { join, subquery, alias } = parts;
    let left = unnesting.plan(join.left.as_ref().clone())?;
    let mut right = unnesting.plan(subquery.subquery.as_ref().clone())?;
    if let Some(alias) = alias {
        right = LogicalPlanBuilder::from(right).alias(alias)?.build()?;
    }
    let equal = join.on.iter().map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()));
    let condition = equal.chain(join.filter.clone()).reduce(Expr::and);
    let outer = into(&right, left.schema())?;
    if outer.is_empty() {
        let plan = LogicalPlanBuilder::from(left).join_on(right, join.join_type, condition)?.build()?;
        return nodes::rewrite(unnesting, plan);
    }
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Err(refused("`lateral` is on a side of a join whose other side may be missing").into());
    }
    let (inner, filter) = match (join.join_type, condition) {
        (JoinType::Inner, Some(condition)) => (None, Some(condition)),
        (_, condition) => (condition, None),
    };
    if inner.as_ref().is_some_and(has_subquery) {
        return Err(refused("it stands in the `on` of an outer join with `lateral`").into());
    }
    let domain = Domain::new(unnesting, &left, &outer, &[])?;
    let found = compute(&right, &domain)?;
    let wanted: Vec<Expr> = columns(&left).into_iter().chain(columns(&right)).collect();
    let on = (outer, found.keys);
    let mut plan = LogicalPlanBuilder::from(left)
        .join_detailed(found.plan, join.join_type, on, inner, NullEquality::NullEqualsNull)?
        .project(wanted)?;
    if let Some(filter) = filter {
        plan = plan.filter(filter)?;
    }
    nodes::rewrite(unnesting, plan.build()?)
}
