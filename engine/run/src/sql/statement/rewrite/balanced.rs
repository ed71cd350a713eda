//! Long chains of `and`, `or` and `||` as trees that are as flat as they can be: what walks a plan calls itself once a level.

use super::super::build::binary;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

/// Chains of fewer operands stay as they are.
const LONG: usize = 32;

/// Balances a chain whose first operator this is.
pub fn rewrite(expr: &mut Expr) {
    let Expr::BinaryOp { op, .. } = expr else { return };
    let op = op.clone();
    let chains = matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat);
    if !chains || length(expr, &op) < LONG {
        return;
    }
    let mut operands = vec![];
    let mut rest = std::mem::replace(expr, Expr::Value(Value::Null.into()));
    loop {
        match rest {
            Expr::BinaryOp { left, op: same, right } if same == op => {
                operands.push(*right);
                rest = *left;
            }
            first => {
                operands.push(first);
                break;
            }
        }
    }
    operands.reverse();
    *expr = tree(operands, &op);
}

/// How many operands the chain has.
fn length(mut expr: &Expr, op: &BinaryOperator) -> usize {
    let mut length = 1;
    while let Expr::BinaryOp { left, op: same, .. } = expr
        && same == op
    {
        length += 1;
        expr = left;
    }
    length
}

fn tree(mut operands: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while operands.len() > 1 {
        let mut pairs = vec![];
        let mut left = operands.into_iter();
        while let Some(first) = left.next() {
            pairs.push(match left.next() {
                Some(second) => binary(first, op.clone(), second),
                None => first,
            });
        }
        operands = pairs;
    }
    operands.pop().unwrap_or_else(|| Expr::Value(Value::Null.into()))
}
