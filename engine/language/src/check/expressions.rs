//! The SQL of `expression("…")` must be one expression.

use crate::{code, diagnostic::Diagnostic, dialect::SqlDialect, model::Rule, project::Project};
use sqlparser::{parser::Parser, tokenizer::Token};

/// Complains of expressions that cannot be parsed.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let checks = project.models.values().flat_map(|model| &model.config.checks);
    let wrong = checks.filter_map(|check| match &check.rule {
        Rule::Expression(sql) => {
            let message = parse(sql).err()?;
            Some(
                Diagnostic::error(&code::E0205, check.span, format!("the check cannot be parsed: {message}"))
                    .hint("it is a condition over the model's columns, such as `expression(\"total >= 0\")`"),
            )
        }
        _ => None,
    });
    wrong.collect()
}

fn parse(sql: &str) -> Result<(), String> {
    let mut parser = Parser::new(&SqlDialect).try_with_sql(sql).map_err(|error| crate::sql::message(&error))?;
    parser.parse_expr().map_err(|error| crate::sql::message(&error))?;
    match parser.peek_token().token {
        Token::EOF => Ok(()),
        other => Err(format!("expected: end of the expression, found: {other}")),
    }
}
