//! PostgreSQL's way of writing conditions → standard SQL, as far as it can be told.

use crate::sql::condition;
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

/// Functions that mean the same in most systems, and in PostgreSQL.
const FUNCTIONS: &[&str] = &[
    "abs",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "date_part",
    "date_trunc",
    "exp",
    "floor",
    "greatest",
    "least",
    "left",
    "length",
    "ln",
    "lower",
    "lpad",
    "ltrim",
    "md5",
    "mod",
    "now",
    "nullif",
    "octet_length",
    "position",
    "power",
    "replace",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sign",
    "sqrt",
    "substr",
    "substring",
    "trim",
    "trunc",
    "upper",
    "num_nonnulls",
    "num_nulls",
    "cardinality",
    "array_length",
    "jsonb_typeof",
    "json_typeof",
    "isfinite",
    "starts_with",
    "regexp_like",
    "to_char",
];

/// Whether PostgreSQL understands a condition, as far as that can be told from its text.
pub fn understood(condition: &str) -> bool {
    let known = |part: &Expr| match part {
        Expr::Function(function) => condition::is_one_of(function, FUNCTIONS),
        _ => true,
    };
    condition::understood(condition, &PostgreSqlDialect {}, known)
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

#[cfg(test)]
mod tests {
    use super::{sql, understood};

    #[test]
    fn conditions_of_the_catalog_become_standard() {
        for (condition, standard) in [
            ("(price >= (0)::numeric)", "price >= 0"),
            (
                "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
                "status IN ('a', 'b')",
            ),
            ("((rating >= 1) AND (rating <= 5))", "(rating >= 1) AND (rating <= 5)"),
        ] {
            assert_eq!(sql(condition), standard);
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (condition, expected) in [
            ("price >= 0 and lower(name) <> ''", true),
            ("name ~ '^[a-z]+$'", true),
            ("json_valid(`doc`)", false),
            ("isnull(x)", false),
            ("price >", false),
        ] {
            assert_eq!(understood(condition), expected, "{condition}");
        }
    }
}
