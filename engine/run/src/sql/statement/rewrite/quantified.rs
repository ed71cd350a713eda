//! `= any (array[…])` and its like, over arrays that are written out.

use super::super::build::{binary, chain};
use super::patterns::listed;
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

/// What it is instead: each value compared, and the answers joined by `or` or `and`, which treat NULL as PostgreSQL does.
#[expect(clippy::unnecessary_wraps, reason = "a rewrite as the others")]
pub fn rewrite(expr: &Expr) -> Result<Option<Expr>, Refusal> {
    let (left, op, right, joined) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, BinaryOperator::Or),
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, BinaryOperator::And),
        _ => return Ok(None),
    };
    if matches!(**right, Expr::Subquery(_)) {
        return Ok(None);
    }
    let Some(values) = listed(right) else { return Ok(None) };
    if matches!(&values[..], [Expr::Subquery(_)]) {
        return Ok(None);
    }
    let one = |value: Expr| binary(Expr::Nested(left.clone()), op.clone(), Expr::Nested(Box::new(value)));
    Ok(chain(&joined, values.into_iter().map(one)).map(|all| Expr::Nested(Box::new(all))))
}
