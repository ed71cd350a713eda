//! The columns of the query around it that a subquery refers to.

use datafusion::{
    common::{
        Column, DFSchema, Result, TableReference,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan},
};

fn each(plan: &LogicalPlan, mut told: impl FnMut(&Column)) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part {
                    told(column);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// Those that a schema has, each once.
pub fn into(plan: &LogicalPlan, schema: &DFSchema) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = vec![];
    each(plan, |column| {
        if schema.has_column(column) && !found.contains(column) {
            found.push(column.clone());
        }
    })?;
    Ok(found)
}

/// Whether there are any, of whichever query.
pub fn any(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    each(plan, |_| found = true)?;
    Ok(found)
}

/// Whether there are some of these.
pub fn some_of(plan: &LogicalPlan, columns: &[Column]) -> Result<bool> {
    let mut found = false;
    each(plan, |column| found |= columns.contains(column))?;
    Ok(found)
}

/// Whether an expression has any.
pub fn any_in_expression(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}

/// The expression over the columns that stand for the outer ones.
pub fn replaced(expr: Expr, outer: &[Column], keys: &[Column]) -> Result<Expr> {
    let replaced = expr.transform(|part| {
        if let Expr::OuterReferenceColumn(_, column) = &part
            && let Some(at) = outer.iter().position(|other| other == column)
        {
            return Ok(Transformed::yes(Expr::Column(keys[at].clone())));
        }
        Ok(Transformed::no(part))
    })?;
    Ok(replaced.data)
}

/// The expression under the name that a column had before.
pub fn named(expr: Expr, qualifier: Option<&TableReference>, name: &str) -> Expr {
    match &expr {
        Expr::Column(column) if column.relation.as_ref() == qualifier && column.name == name => expr,
        _ => expr.alias_qualified(qualifier.cloned(), name),
    }
}

/// The columns of a plan.
pub fn columns(plan: &LogicalPlan) -> Vec<Expr> {
    plan.schema().columns().into_iter().map(Expr::Column).collect()
}
