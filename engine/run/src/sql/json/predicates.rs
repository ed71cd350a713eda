//! `@>`, `<@`, `?`, and what a document is.

use super::{
    super::texts::{Given, Gives, Kind, TextFunction},
    parsed, path,
};
use datafusion::{
    common::{Result, plan_err},
    logical_expr::ScalarUDF,
};
use serde_json::Value;

/// The functions.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        TextFunction::udf("json_contains", 2..=2, Kind::Bool, |given| {
            Ok(Gives::Bool(contains(&parsed(given[0].text())?, &parsed(given[1].text())?, true)))
        }),
        TextFunction::udf("json_has_key", 2..=2, Kind::Bool, |given| {
            Ok(Gives::Bool(has(&parsed(given[0].text())?, given[1].text())))
        }),
        TextFunction::udf("json_has_any_key", 2..=2, Kind::Bool, |given| {
            let document = parsed(given[0].text())?;
            Ok(Gives::Bool(path(&given[1]).iter().any(|key| has(&document, key))))
        }),
        TextFunction::udf("json_has_all_keys", 2..=2, Kind::Bool, |given| {
            let document = parsed(given[0].text())?;
            Ok(Gives::Bool(path(&given[1]).iter().all(|key| has(&document, key))))
        }),
        TextFunction::udf("json_typeof", 1..=1, Kind::Text, kind),
        TextFunction::udf("jsonb_typeof", 1..=1, Kind::Text, kind),
        TextFunction::udf("json_array_length", 1..=1, Kind::Whole, length),
        TextFunction::udf("jsonb_array_length", 1..=1, Kind::Whole, length),
    ]
}

/// Whether all of a document is found in another (8.14.3).
fn contains(whole: &Value, part: &Value, outermost: bool) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|own| contains(own, value, false)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|value| whole.iter().any(|own| contains(own, value, false)))
        }
        // An array contains a plain value, at the top only.
        (Value::Array(whole), value) if outermost && !value.is_object() => whole.iter().any(|own| same(own, value)),
        (whole, part) => same(whole, part),
    }
}

/// Numbers are the same by their value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || canonical(&a.to_string()).is_some_and(|a| Some(a) == canonical(&b.to_string()))
        }
        (a, b) => a == b,
    }
}

/// A number's sign, digits and the power of ten of the first.
fn canonical(number: &str) -> Option<(bool, String, i64)> {
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut power: i64 = exponent.parse::<i64>().ok()? + i64::try_from(whole.len()).ok()?;
    let all = format!("{whole}{fraction}");
    let trimmed = all.trim_start_matches('0');
    power -= i64::try_from(all.len() - trimmed.len()).ok()?;
    let digits = trimmed.trim_end_matches('0');
    if digits.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, digits.to_owned(), power))
}

fn has(document: &Value, key: &str) -> bool {
    match document {
        Value::Object(fields) => fields.contains_key(key),
        Value::Array(elements) => elements.iter().any(|element| element.as_str() == Some(key)),
        Value::String(text) => text == key,
        _ => false,
    }
}

fn kind(given: &[Given<'_>]) -> Result<Gives> {
    let kind = match parsed(given[0].text())? {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Ok(Gives::Text(kind.to_owned()))
}

fn length(given: &[Given<'_>]) -> Result<Gives> {
    if let Value::Array(elements) = parsed(given[0].text())? {
        Ok(Gives::Whole(i64::try_from(elements.len()).unwrap_or(i64::MAX)))
    } else {
        plan_err!("the length of a JSON document that is no array")
    }
}
