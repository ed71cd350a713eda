//! `->`, `->>`, `#>`, `#>>`, and their names as functions: a part of a document, as it is written there.

use super::{
    super::texts::{Given, Gives, Kind, TextFunction},
    as_json, as_text, path, raw,
};
use datafusion::{common::Result, logical_expr::ScalarUDF};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// As many steps as a path has at most.
const STEPS: usize = 32;

/// The functions.
pub fn functions() -> Vec<ScalarUDF> {
    vec![
        TextFunction::udf("json_get", 2..=2, Kind::Text, |given| Ok(as_json(step(raw(given[0].text())?, &given[1])?))),
        TextFunction::udf("json_get_text", 2..=2, Kind::Text, |given| as_text(step(raw(given[0].text())?, &given[1])?)),
        TextFunction::udf("json_get_path", 2..=2, Kind::Text, |given| {
            let steps = path(&given[1]);
            Ok(as_json(walk(raw(given[0].text())?, steps.iter().map(String::as_str))?))
        }),
        TextFunction::udf("json_get_path_text", 2..=2, Kind::Text, |given| {
            let steps = path(&given[1]);
            as_text(walk(raw(given[0].text())?, steps.iter().map(String::as_str))?)
        }),
        TextFunction::udf("json_extract_path", 2..=STEPS, Kind::Text, extract),
        TextFunction::udf("jsonb_extract_path", 2..=STEPS, Kind::Text, extract),
        TextFunction::udf("json_extract_path_text", 2..=STEPS, Kind::Text, extract_text),
        TextFunction::udf("jsonb_extract_path_text", 2..=STEPS, Kind::Text, extract_text),
    ]
}

fn extract(given: &[Given<'_>]) -> Result<Gives> {
    Ok(as_json(walk(raw(given[0].text())?, given[1..].iter().map(|step| step.text()))?))
}

fn extract_text(given: &[Given<'_>]) -> Result<Gives> {
    as_text(walk(raw(given[0].text())?, given[1..].iter().map(|step| step.text()))?)
}

fn step<'a>(document: &'a RawValue, by: &Given<'_>) -> Result<Option<&'a RawValue>> {
    match by {
        Given::Text(key) => field(document, key),
        Given::Whole(index) => element(document, *index),
        Given::Null => Ok(None),
    }
}

fn walk<'a, 'p>(document: &'a RawValue, steps: impl Iterator<Item = &'p str>) -> Result<Option<&'a RawValue>> {
    let mut at = Some(document);
    for step in steps {
        let Some(here) = at else { return Ok(None) };
        at = match (here.get().starts_with('['), step.parse()) {
            (true, Ok(index)) => element(here, index)?,
            (true, Err(_)) => None,
            _ => field(here, step)?,
        };
    }
    Ok(at)
}

/// The last field of a name, as PostgreSQL has it.
fn field<'a>(document: &'a RawValue, key: &str) -> Result<Option<&'a RawValue>> {
    if !document.get().starts_with('{') {
        return Ok(None);
    }
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(document.get()).map_err(|error| super::invalid(document.get(), &error))?;
    Ok(fields.get(key).copied())
}

/// The element of an array, counted from 0, or backwards from -1.
fn element(document: &RawValue, index: i64) -> Result<Option<&RawValue>> {
    if !document.get().starts_with('[') {
        return Ok(None);
    }
    let elements: Vec<&RawValue> =
        serde_json::from_str(document.get()).map_err(|error| super::invalid(document.get(), &error))?;
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let index = if index < 0 { length + index } else { index };
    Ok(usize::try_from(index).ok().and_then(|at| elements.get(at)).copied())
}
