//! JSON's operators and casts as calls of functions.

use super::super::build::call;
use datafusion::sql::sqlparser::ast::{Array, BinaryOperator, CastKind, DataType, Expr, Spanned as _, Value};

/// What an operator over JSON is.
pub fn operator(expr: &Expr) -> Option<Expr> {
    let Expr::BinaryOp { left, op, right } = expr else { return None };
    let function = match op {
        BinaryOperator::Arrow => "json_get",
        BinaryOperator::LongArrow => "json_get_text",
        BinaryOperator::HashArrow => "json_get_path",
        BinaryOperator::HashLongArrow => "json_get_path_text",
        BinaryOperator::Question => "json_has_key",
        BinaryOperator::QuestionPipe => "json_has_any_key",
        BinaryOperator::QuestionAnd => "json_has_all_keys",
        BinaryOperator::AtArrow if !is_array(left) && !is_array(right) => "json_contains",
        BinaryOperator::ArrowAt if !is_array(left) && !is_array(right) => {
            return Some(call("json_contains", vec![(**right).clone(), (**left).clone()], expr.span()));
        }
        _ => return None,
    };
    Some(call(function, vec![(**left).clone(), steps(right)], expr.span()))
}

fn is_array(expr: &Expr) -> bool {
    matches!(expr, Expr::Array(_))
}

/// An array of texts that is written out, as its text.
fn steps(expr: &Expr) -> Expr {
    let Expr::Array(Array { elem, .. }) = expr else { return expr.clone() };
    let texts: Option<Vec<String>> = elem
        .iter()
        .map(|each| match each {
            Expr::Value(value) => value.value.clone().into_string(),
            _ => None,
        })
        .collect();
    match texts {
        Some(texts) => {
            let quoted = texts.iter().map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
            Expr::Value(Value::SingleQuotedString(format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))).into())
        }
        None => expr.clone(),
    }
}

/// What a cast to JSON is.
pub fn cast(expr: &Expr) -> Option<Expr> {
    let Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } = expr else {
        return None;
    };
    let function = match data_type {
        DataType::JSON => "json",
        DataType::JSONB => "jsonb",
        _ => return None,
    };
    Some(call(function, vec![(**inner).clone()], expr.span()))
}
