//! The subqueries that DataFusion joins by itself, and rightly: those of plain shape.

use super::references::{any, any_in_expression, into};
use datafusion::{
    common::{
        DFSchema, Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        Aggregate, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Subquery, expr::InSubquery,
        utils::split_conjunction,
    },
};

/// Aggregates that are NULL where there is no row, as a column of a left join is.
const NULL_OF_NOTHING: [&str; 4] = ["sum", "min", "max", "avg"];

/// Whether an expression has a subquery.
pub fn has_subquery(expr: &Expr) -> bool {
    expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true)
}

/// Whether it is one.
pub fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_))
}

/// Whether a conjunct of a filter can be left to DataFusion.
pub fn conjunct(expr: &Expr, input: &DFSchema) -> Result<bool> {
    match expr {
        Expr::Not(inner) => match inner.as_ref() {
            Expr::Exists(exists) => semi(&exists.subquery, input),
            Expr::InSubquery(within) => in_subquery(within, !within.negated, input),
            _ => scalars(expr, input),
        },
        Expr::Exists(exists) => semi(&exists.subquery, input),
        Expr::InSubquery(within) => in_subquery(within, within.negated, input),
        _ => scalars(expr, input),
    }
}

fn in_subquery(within: &InSubquery, negated: bool, input: &DFSchema) -> Result<bool> {
    if has_subquery(&within.expr) || within.expr.is_volatile() || matches!(*within.expr, Expr::ScalarFunction(_)) {
        return Ok(false);
    }
    let plan = within.subquery.subquery.as_ref();
    if within.expr.column_refs().is_empty() || any_in_expression(&within.expr) {
        return Ok(false);
    }
    if negated && (within.expr.nullable(input)? || plan.schema().fields().iter().any(|field| field.is_nullable())) {
        return Ok(false);
    }
    if any(plan)? { correlated(plan, input) } else { Ok(!has_limit(plan)?) }
}

fn semi(subquery: &Subquery, input: &DFSchema) -> Result<bool> {
    Ok(any(&subquery.subquery)? && correlated(&subquery.subquery, input)?)
}

/// Whether all that it refers to is in the query next to it, and every reference stands in a filter of the outermost
/// select.
fn correlated(plan: &LogicalPlan, input: &DFSchema) -> Result<bool> {
    Ok(only_refers_to(plan, input)? && plain(plan, &|_| true)?)
}

fn only_refers_to(plan: &LogicalPlan, input: &DFSchema) -> Result<bool> {
    let mut all = true;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part {
                    all &= input.has_column(column);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(all && !into(plan, input)?.is_empty())
}

/// Projections and filters, whose references are as wanted, over tables and joins without any.
fn plain(plan: &LogicalPlan, wanted: &dyn Fn(&Expr) -> bool) -> Result<bool> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let bad = |expr: &Expr| any_in_expression(expr) || expr.is_volatile() || has_subquery(expr);
            Ok(!projection.expr.iter().any(bad) && plain(&projection.input, wanted)?)
        }
        LogicalPlan::SubqueryAlias(alias) => plain(&alias.input, wanted),
        LogicalPlan::Filter(filter) => {
            let good = |expr: &&Expr| !has_subquery(expr) && (!any_in_expression(expr) || wanted(expr));
            Ok(split_conjunction(&filter.predicate).iter().all(good) && plain(&filter.input, wanted)?)
        }
        _ => Ok(!any(plan)? && only_tables(plan)?),
    }
}

fn only_tables(plan: &LogicalPlan) -> Result<bool> {
    let mut all = true;
    plan.apply_with_subqueries(|node| {
        all &= matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::Join(_)
        );
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(all)
}

fn has_limit(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Limit(_))))
}

/// Whether an expression has no subqueries but scalar ones that can be left to DataFusion.
pub fn scalars(expr: &Expr, input: &DFSchema) -> Result<bool> {
    let mut all = true;
    expr.apply(|part| {
        match part {
            Expr::ScalarSubquery(subquery) => all &= scalar(subquery, input)?,
            part if is_subquery(part) => all = false,
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(all)
}

fn scalar(subquery: &Subquery, input: &DFSchema) -> Result<bool> {
    let mut plan = subquery.subquery.as_ref();
    if !any(plan)? {
        // DataFusion takes such a value for not NULL where its column is not, though there may be no row.
        return Ok(plan.schema().fields().iter().any(|field| field.is_nullable()) || has_a_row(plan));
    }
    if !only_refers_to(plan, input)? {
        return Ok(false);
    }
    loop {
        plan = match plan {
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Projection(projection) => match &projection.expr[..] {
                [expr] if null_of_null(expr) => &projection.input,
                _ => return Ok(false),
            },
            LogicalPlan::Aggregate(Aggregate { group_expr, aggr_expr, input, .. }) => {
                let known = aggr_expr.iter().all(null_of_nothing);
                return Ok(group_expr.is_empty() && known && plain(input, &equality)?);
            }
            _ => return Ok(false),
        }
    }
}

/// Whether its shape says that it has a row.
fn has_a_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => has_a_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_a_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

fn null_of_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => null_of_nothing(&alias.expr),
        Expr::AggregateFunction(function) => {
            NULL_OF_NOTHING.contains(&function.func.name()) && !function.params.args.iter().any(any_in_expression)
        }
        _ => false,
    }
}

/// Whether it is NULL where its column is.
fn null_of_null(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Alias(alias) => null_of_null(&alias.expr),
        Expr::Cast(cast) => null_of_null(&cast.expr),
        Expr::Negative(inner) => null_of_null(inner),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let arithmetic = matches!(
                op,
                Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
            );
            let value = |side: &Expr| matches!(side, Expr::Literal(..)) || null_of_null(side);
            arithmetic && value(left) && value(right) && (null_of_null(left) || null_of_null(right))
        }
        Expr::ScalarFunction(function) if function.func.is_strict() => {
            let value = |argument: &Expr| matches!(argument, Expr::Literal(..)) || null_of_null(argument);
            function.args.iter().all(value) && function.args.iter().any(null_of_null)
        }
        _ => false,
    }
}

/// `column = outer column`.
fn equality(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = expr else { return false };
    let outer = |side: &Expr| matches!(side, Expr::OuterReferenceColumn(..));
    let inner = |side: &Expr| matches!(side, Expr::Column(_));
    outer(left) && inner(right) || inner(left) && outer(right)
}
