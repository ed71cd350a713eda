//! Syntax that DataFusion has not, written as what it has; one file a kind.

mod balanced;
mod functions;
mod json;
mod patterns;
mod quantified;
mod tuples;

pub use tuples::{ROW, query_of, query_over, select};

use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

/// Rewrites one expression, whose parts are still as the user wrote them.
pub fn expression(expr: &mut Expr) -> Result<(), Refusal> {
    balanced::rewrite(expr);
    let rewritten = match expr {
        Expr::Function(function) => functions::rewrite(function)?,
        Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::RLike { .. }
        | Expr::Substring { .. }
        | Expr::Collate { .. } => patterns::rewrite(expr)?,
        Expr::AnyOp { .. } | Expr::AllOp { .. } => quantified::rewrite(expr)?,
        Expr::InList { .. } | Expr::InSubquery { .. } => tuples::rewrite(expr)?,
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => distinct(expr),
        Expr::Cast { .. } => json::cast(expr),
        Expr::BinaryOp { .. } => match patterns::operator(expr).or_else(|| json::operator(expr)) {
            Some(matched) => Some(matched),
            None => tuples::rewrite(expr)?,
        },
        _ => None,
    };
    if let Some(rewritten) = rewritten {
        *expr = rewritten;
    }
    Ok(())
}

/// `a is distinct from b and c` is `(a is distinct from b) and c`; the parser takes all that follows for the right side.
fn distinct(expr: &Expr) -> Option<Expr> {
    let (left, right, not) = match expr {
        Expr::IsDistinctFrom(left, right) => (left, right, false),
        Expr::IsNotDistinctFrom(left, right) => (left, right, true),
        _ => return None,
    };
    let mut whole = (**right).clone();
    let mut first = &mut whole;
    let mut inside = false;
    while let Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, .. } = first {
        first = left;
        inside = true;
    }
    if !inside {
        return None;
    }
    let own = Box::new(first.clone());
    *first = if not { Expr::IsNotDistinctFrom(left.clone(), own) } else { Expr::IsDistinctFrom(left.clone(), own) };
    Some(whole)
}
