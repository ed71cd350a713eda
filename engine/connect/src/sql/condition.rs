//! Conditions on rows: what of them a system understands, told from their text.

use datafusion::sql::sqlparser::{
    ast::{Expr, Function, visit_expressions},
    dialect::Dialect,
    parser::Parser,
    tokenizer::Token,
};
use std::ops::ControlFlow;

/// The expression that a text is; `None` if it is none, or more than one.
pub fn read(condition: &str, dialect: &dyn Dialect) -> Option<Expr> {
    let mut parser = Parser::new(dialect).try_with_sql(condition).ok()?;
    let expression = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(expression)
}

/// Whether a text is a condition of which every part is known.
pub fn understood(condition: &str, dialect: &dyn Dialect, known: impl Fn(&Expr) -> bool) -> bool {
    let Some(expression) = read(condition, dialect) else { return false };
    let all =
        visit_expressions(
            &expression,
            |part| {
                if known(part) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            },
        );
    all.is_continue()
}

/// Whether a function is one of these, which are in lower case.
pub fn is_one_of(function: &Function, names: &[&str]) -> bool {
    names.contains(&function.name.to_string().to_lowercase().as_str())
}
