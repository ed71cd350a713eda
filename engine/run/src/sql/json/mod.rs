//! JSON in texts (chapter 9.16 of PostgreSQL's manual): operators are written as calls of the functions here, one file for
//! what takes a document apart, one for what asks about it, and one for its text.

mod access;
mod predicates;
mod text;

use super::texts::{Given, Gives};
use datafusion::{
    common::{Result, exec_datafusion_err},
    logical_expr::ScalarUDF,
};
use serde_json::{Value, value::RawValue};

/// The functions.
pub fn functions() -> Vec<ScalarUDF> {
    [access::functions(), predicates::functions(), text::functions()].into_iter().flatten().collect()
}

fn invalid(json: &str, error: &serde_json::Error) -> datafusion::error::DataFusionError {
    let some: String = json.chars().take(40).collect();
    exec_datafusion_err!("this text is no JSON: `{some}`: {error}")
}

/// A document as a value.
fn parsed(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| invalid(json, &error))
}

/// A document whose parts are still text.
fn raw(json: &str) -> Result<&RawValue> {
    serde_json::from_str(json).map_err(|error| invalid(json, &error))
}

/// A part as JSON.
fn as_json(part: Option<&RawValue>) -> Gives {
    part.map_or(Gives::Null, |part| Gives::Text(part.get().to_owned()))
}

/// A part as text: without the quotes, and NULL for `null`.
fn as_text(part: Option<&RawValue>) -> Result<Gives> {
    let Some(part) = part else { return Ok(Gives::Null) };
    Ok(match part.get() {
        "null" => Gives::Null,
        text if text.starts_with('"') => match parsed(text)? {
            Value::String(text) => Gives::Text(text),
            other => Gives::Text(other.to_string()),
        },
        text => Gives::Text(text.to_owned()),
    })
}

/// A text in an array's text, such as `{a,"b c",0}`.
fn path(given: &Given<'_>) -> Vec<String> {
    let text = given.text().trim();
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let (mut parts, mut part, mut quoted) = (vec![], String::new(), false);
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => part.extend(chars.next()),
            ',' if !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    if !inner.is_empty() {
        parts.push(part);
    }
    parts
}
