//! The text of a document: `json` keeps it, `jsonb` writes it in one way.

use super::{
    super::texts::{Given, Gives, Kind, TextFunction},
    parsed, raw,
};
use datafusion::{common::Result, logical_expr::ScalarUDF};
use serde_json::Value;
use std::fmt::Write as _;

/// The functions.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        TextFunction::udf("json", 1..=1, Kind::Text, |given| {
            raw(given[0].text())?;
            Ok(Gives::Text(given[0].text().to_owned()))
        }),
        TextFunction::udf("jsonb", 1..=1, Kind::Text, |given| Ok(Gives::Text(written(&parsed(given[0].text())?)))),
        TextFunction::udf("jsonb_strip_nulls", 1..=1, Kind::Text, stripped),
    ]
}

/// A document as `jsonb` writes it: shorter keys first, a blank behind each colon and comma.
pub fn written(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes())));
            to.push('{');
            for (at, (key, value)) in fields.into_iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let _ = write!(to, "{comma}{}: ", Value::String(key.clone()));
                write(value, to);
            }
            to.push('}');
        }
        Value::Array(elements) => {
            to.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    to.push_str(", ");
                }
                write(element, to);
            }
            to.push(']');
        }
        Value::Number(number) => to.push_str(&plain(&number.to_string())),
        other => {
            let _ = write!(to, "{other}");
        }
    }
}

/// A number without an exponent, as `numeric` writes it.
fn plain(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once(['e', 'E']) else { return number.to_owned() };
    let Ok(exponent) = exponent.parse::<i32>() else { return number.to_owned() };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent);
    let Ok(length) = i32::try_from(all.len()) else { return number.to_owned() };
    if !(-1000..1000).contains(&point) {
        return number.to_owned();
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    if point <= 0 {
        return format!("{sign}0.{}{all}", zeros(-point));
    }
    if point >= length {
        let whole = format!("{all}{}", zeros(point - length));
        let whole = whole.trim_start_matches('0');
        return format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    }
    let (whole, fraction) = all.split_at(usize::try_from(point).unwrap_or(0));
    let whole = whole.trim_start_matches('0');
    format!("{sign}{}.{fraction}", if whole.is_empty() { "0" } else { whole })
}

fn stripped(given: &[Given<'_>]) -> Result<Gives> {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
                Value::Object(kept.map(|(key, value)| (key, strip(value))).collect())
            }
            Value::Array(elements) => Value::Array(elements.into_iter().map(strip).collect()),
            other => other,
        }
    }
    Ok(Gives::Text(written(&strip(parsed(given[0].text())?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jsonb(text: &str) -> String {
        written(&parsed(text).unwrap())
    }

    #[test]
    fn jsonb_is_written_in_one_way() {
        assert_eq!(jsonb(r#"{"bb":1,"a":[1,2],"c":null}"#), r#"{"a": [1, 2], "c": null, "bb": 1}"#);
        assert_eq!(jsonb(r#"{"a":1,"a":2.50}"#), r#"{"a": 2.50}"#);
        assert_eq!(jsonb("1e3"), "1000");
        assert_eq!(jsonb("-1.5e-3"), "-0.0015");
    }
}
