//! `like any`, `similar to`, `~` and what takes a regular expression by syntax.

use super::super::build::{call, chain, negated, text};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Spanned as _, Value};
use engine_language::code;

/// What an expression with a pattern is instead, if it is anything else.
pub fn rewrite(expr: &Expr) -> Result<Option<Expr>, Refusal> {
    match expr {
        Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => like_any(expr).map(Some),
        Expr::SimilarTo { negated: not, expr: value, pattern, escape_char } => {
            let mut arguments = vec![(**value).clone(), (**pattern).clone()];
            arguments.extend(escape_char.clone().map(Expr::Value));
            Ok(Some(negated(call("similar_to", arguments, expr.span()), *not)))
        }
        Expr::RLike { negated: not, expr: value, pattern, .. } => {
            let arguments = vec![(**value).clone(), (**pattern).clone()];
            Ok(Some(negated(call("regexp_like", arguments, expr.span()), *not)))
        }
        Expr::Substring { expr: value, substring_from: Some(pattern), substring_for: None, .. } if is_text(pattern) => {
            let arguments = vec![(**value).clone(), (**pattern).clone()];
            Ok(Some(call("substring_matching", arguments, expr.span())))
        }
        Expr::Collate { expr: value, collation } => {
            let name = collation.to_string().replace('"', "").to_lowercase();
            if matches!(name.as_str(), "c" | "posix" | "ucs_basic" | "pg_catalog.c") {
                return Ok(Some((**value).clone()));
            }
            let message = format!("the collation {collation} is not supported");
            Err(Refusal::new(&code::E0216, expr.span(), message)
                .hint("texts are compared by their code points, which is `collate \"C\"`"))
        }
        _ => Ok(None),
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_)))
}

/// `x like any (a, b)` is `x like a or x like b`.
fn like_any(expr: &Expr) -> Result<Expr, Refusal> {
    let (Expr::Like { negated: not, expr: value, pattern, escape_char, .. }
    | Expr::ILike { negated: not, expr: value, pattern, escape_char, .. }) = expr
    else {
        return Ok(expr.clone());
    };
    let ignoring_case = matches!(expr, Expr::ILike { .. });
    let one = |pattern: &Expr| {
        let (value, pattern) = (Box::new(Expr::Nested(value.clone())), Box::new(pattern.clone()));
        let (negated, any, escape_char) = (*not, false, escape_char.clone());
        if ignoring_case {
            Expr::ILike { negated, any, expr: value, pattern, escape_char }
        } else {
            Expr::Like { negated, any, expr: value, pattern, escape_char }
        }
    };
    let patterns = listed(pattern).filter(|patterns| !patterns.is_empty());
    let patterns = patterns.ok_or_else(|| {
        Refusal::new(&code::E0216, pattern.span(), "`like any` takes patterns that are written out")
            .hint("write `like any (array['a%', 'b%'])`, or join with a table of the patterns")
    })?;
    let any = chain(&BinaryOperator::Or, patterns.iter().map(one));
    Ok(Expr::Nested(Box::new(any.unwrap_or_else(|| expr.clone()))))
}

/// The expressions of a list or an array that is written out.
pub fn listed(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(exprs) => Some(exprs.clone()),
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Nested(inner) => listed(inner).or_else(|| Some(vec![(**inner).clone()])),
        _ => None,
    }
}

/// What an operator that takes a pattern is.
pub fn operator(expr: &Expr) -> Option<Expr> {
    let Expr::BinaryOp { left, op, right } = expr else { return None };
    let (function, flags, not) = match op {
        BinaryOperator::PGRegexMatch => ("regexp_like", None, false),
        BinaryOperator::PGRegexIMatch => ("regexp_like", Some("i"), false),
        BinaryOperator::PGRegexNotMatch => ("regexp_like", None, true),
        BinaryOperator::PGRegexNotIMatch => ("regexp_like", Some("i"), true),
        _ => return None,
    };
    let mut arguments = vec![(**left).clone(), (**right).clone()];
    arguments.extend(flags.map(text));
    Some(negated(call(function, arguments, expr.span()), not))
}
