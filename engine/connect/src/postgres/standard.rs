//! PostgreSQL's way of writing conditions → standard SQL, as far as it can be told.

use datafusion::sql::sqlparser::{
    ast::{BinaryOperator, Expr, visit_expressions_mut},
    dialect::PostgreSqlDialect,
    parser::Parser,
};
use std::ops::ControlFlow;

/// The condition without PostgreSQL's casts to text and arrays; as it was, if it cannot be read.
pub fn sql(condition: &str) -> String {
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(condition).and_then(|mut p| p.parse_expr());
    let Ok(mut expression) = parsed else { return condition.to_owned() };
    let _ = visit_expressions_mut(&mut expression, |e| {
        simplify(e);
        ControlFlow::<()>::Continue(())
    });
    while let Expr::Nested(inner) = expression {
        expression = *inner;
    }
    expression.to_string()
}

fn simplify(expression: &mut Expr) {
    let bare = bare(expression);
    *expression = bare;
    if let Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } = expression
        && let Expr::Array(array) = self::bare(right)
    {
        let list = array.elem.iter().map(self::bare).collect();
        *expression = Expr::InList { expr: Box::new(self::bare(left)), list, negated: false };
    }
}

/// Without casts of texts to texts, and without the parentheses that they needed.
fn bare(expression: &Expr) -> Expr {
    match expression {
        Expr::Cast { expr, data_type, .. } => {
            let to = data_type.to_string().to_lowercase();
            if ["text", "character varying", "varchar", "text[]", "character varying[]", "bpchar"]
                .contains(&to.as_str())
                || matches!(**expr, Expr::Value(_))
            {
                bare(expr)
            } else {
                expression.clone()
            }
        }
        Expr::Nested(inner) => match bare(inner) {
            plain @ (Expr::Identifier(_) | Expr::Value(_) | Expr::Array(_)) => plain,
            _ => expression.clone(),
        },
        _ => expression.clone(),
    }
}
