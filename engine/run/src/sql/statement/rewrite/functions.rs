//! Functions that other warehouses call otherwise, or that are syntax in PostgreSQL.

use super::super::build::{arguments, binary, call, exactly, text, when};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
        Interval, ObjectName, OrderByExpr, OrderByOptions,
    },
    tokenizer::Span,
};
use engine_language::code;

/// The same function under another name.
const NAMES: &[(&str, &str)] = &[
    ("nvl", "coalesce"),
    ("ifnull", "coalesce"),
    ("isnull", "coalesce"),
    ("gen_random_uuid", "uuid"),
    ("generate_uuid", "uuid"),
    ("uuid_string", "uuid"),
    ("approx_count_distinct", "approx_distinct"),
    ("boolor_agg", "bool_or"),
    ("booland_agg", "bool_and"),
    ("logical_or", "bool_or"),
    ("logical_and", "bool_and"),
    ("every", "bool_and"),
    ("len", "length"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("array_size", "cardinality"),
    ("arrayagg", "array_agg"),
    ("pow", "power"),
];

/// What is asked for by names that stand for nothing here, and what to write.
const REFUSED: &[(&str, &str)] = &[
    ("group_concat", "write `string_agg(x, ',' order by …)`"),
    ("regexp_matches", "write `regexp_match(x, pattern)`, which gives the first match"),
    ("regexp_split_to_table", "write `unnest(regexp_split_to_array(x, pattern))`"),
    ("getdate", "write `current_timestamp`"),
    ("sysdate", "write `current_timestamp`"),
    ("to_varchar", "write `cast(x as text)` or `to_char(x, format)`"),
    ("iif", "write `case when … then … else … end`"),
    ("decode", "write `case x when … then … end`; `decode(text, 'base64')` is `from_base64`"),
];

/// What a call is instead, if it is anything else.
pub fn rewrite(function: &mut Function) -> Result<Option<Expr>, Refusal> {
    let [part] = &function.name.0[..] else { return Ok(None) };
    let Some(ident) = part.as_ident() else { return Ok(None) };
    let (name, span) = (ident.value.to_lowercase(), ident.span);
    if let Some((_, known)) = NAMES.iter().find(|(other, _)| *other == name) {
        rename(function, known, span);
        return Ok(None);
    }
    if let Some((_, hint)) = REFUSED.iter().find(|(other, _)| *other == name)
        && !(name == "decode" && arguments(function).is_some_and(|arguments| arguments.len() == 2))
    {
        return Err(Refusal::new(&code::E0212, span, format!("no function `{name}`")).hint(*hint));
    }
    match name.as_str() {
        "listagg" => listagg(function, span),
        "count_if" | "countif" => count_if(function, span),
        "max_by" | "arg_max" => extreme(function, span, false),
        "min_by" | "arg_min" => extreme(function, span, true),
        _ => Ok(scalar(&name, function, span)),
    }
}

fn rename(function: &mut Function, name: &str, span: Span) {
    let mut ident = Ident::new(name);
    ident.span = span;
    function.name = ObjectName::from(vec![ident]);
}

fn scalar(name: &str, function: &Function, span: Span) -> Option<Expr> {
    let given = arguments(function)?;
    match name {
        "iff" | "if" => {
            let [condition, result, otherwise] = exactly(&given)?;
            Some(when(condition, result, Some(otherwise)))
        }
        "nvl2" => {
            let [value, there, missing] = exactly(&given)?;
            Some(when(Expr::IsNotNull(Box::new(value)), there, Some(missing)))
        }
        "zeroifnull" => {
            let [value] = exactly(&given)?;
            let zero = datafusion::sql::sqlparser::ast::Value::Number("0".into(), false);
            Some(call("coalesce", vec![value, Expr::Value(zero.into())], span))
        }
        "charindex" => {
            let [part, whole] = exactly(&given)?;
            Some(call("strpos", vec![whole, part], span))
        }
        "instr" => {
            let [whole, part] = exactly(&given)?;
            Some(call("strpos", vec![whole, part], span))
        }
        "datediff" | "date_diff" | "timestampdiff" => {
            let [unit, from, to] = exactly(&given)?;
            Some(call("datediff", vec![text(&unit_of(&unit)?), from, to], span))
        }
        "dateadd" | "date_add" | "timestampadd" => {
            let [unit, number, date] = exactly(&given)?;
            let step = binary(interval(&unit_of(&unit)?), BinaryOperator::Multiply, Expr::Nested(Box::new(number)));
            let sum = binary(Expr::Nested(Box::new(date)), BinaryOperator::Plus, step);
            Some(Expr::Nested(Box::new(sum)))
        }
        _ => None,
    }
}

/// `day`, `'day'` or `"day"`.
fn unit_of(expr: &Expr) -> Option<String> {
    let unit = match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::Value(value) => value.value.clone().into_string()?,
        _ => return None,
    };
    let unit = unit.to_lowercase();
    let unit = unit.strip_suffix('s').unwrap_or(&unit);
    Some(
        match unit {
            "dd" | "d" => "day",
            "yy" | "yyyy" => "year",
            "mm" | "mon" => "month",
            "qq" | "q" => "quarter",
            "wk" | "ww" => "week",
            "hh" | "hr" => "hour",
            "mi" | "min" => "minute",
            "ss" | "sec" => "second",
            other => other,
        }
        .to_owned(),
    )
}

fn interval(unit: &str) -> Expr {
    let amount = if unit == "quarter" { "3 month".to_owned() } else { format!("1 {unit}") };
    Expr::Interval(Interval {
        value: Box::new(text(&amount)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// `listagg(x, s) within group (order by y)` is `string_agg(x, s order by y)`.
#[expect(clippy::unnecessary_wraps, reason = "a rewrite as the others")]
fn listagg(function: &mut Function, span: Span) -> Result<Option<Expr>, Refusal> {
    rename(function, "string_agg", span);
    let order = std::mem::take(&mut function.within_group);
    if let FunctionArguments::List(list) = &mut function.args {
        if list.args.len() == 1 {
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(text(""))));
        }
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    Ok(None)
}

/// `count_if(c)` is `count(*) filter (where c)`.
#[expect(clippy::unnecessary_wraps, reason = "a rewrite as the others")]
fn count_if(function: &mut Function, span: Span) -> Result<Option<Expr>, Refusal> {
    let Some([condition]) = arguments(function).and_then(|given| exactly(&given)) else { return Ok(None) };
    rename(function, "count", span);
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
    }
    filter(function, condition);
    Ok(None)
}

fn filter(function: &mut Function, condition: Expr) {
    let nested = |expr| Expr::Nested(Box::new(expr));
    let both = match function.filter.take() {
        Some(filter) => binary(nested(*filter), BinaryOperator::And, nested(condition)),
        None => condition,
    };
    function.filter = Some(Box::new(both));
}

/// `max_by(x, y)` is the `x` of the row whose `y` is the greatest.
fn extreme(function: &mut Function, span: Span, least: bool) -> Result<Option<Expr>, Refusal> {
    let Some([value, by]) = arguments(function).and_then(|given| exactly(&given)) else { return Ok(None) };
    if function.over.is_some() {
        let message = "`max_by` and `min_by` are aggregates, and not supported over a window";
        return Err(Refusal::new(&code::E0216, span, message).hint("write `first_value(x) over (… order by y desc)`"));
    }
    rename(function, "first_value", span);
    let options = OrderByOptions { asc: Some(least), nulls_first: Some(false) };
    let order = OrderByExpr { expr: by.clone(), options, with_fill: None };
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value))];
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![order]));
    }
    filter(function, Expr::IsNotNull(Box::new(by)));
    Ok(None)
}
