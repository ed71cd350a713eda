//! Reads `tests/*.toml`.

use super::{GivenRows, UnitStep, UnitTest};
use crate::{
    code,
    config::{
        reader::Reader,
        toml::{Spanned, Value, ValueKind},
    },
    diagnostic::Diagnostic,
    id,
    name::Name,
};
use std::{collections::BTreeMap, path::Path};

pub fn read(reader: &mut Reader<'_>) -> Vec<UnitTest> {
    let paths = reader.world.list(Path::new("project/tests")).unwrap_or_default();
    let mut tests = vec![];
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let Some(file) = reader.toml(&path.to_string_lossy()) else { continue };
        for (name, span, value) in file.entries() {
            let name = Spanned::new(reader.name(name, *span), *span);
            tests.extend(test(reader, name, value));
        }
    }
    tests
}

fn test(reader: &mut Reader<'_>, name: Spanned<Name>, value: &Value) -> Option<UnitTest> {
    const KEYS: &[&str] = &["model", "given", "expect", "expect_error", "steps", "vars"];
    known_keys(reader, value, KEYS);
    let Some(model) = value.key("model") else {
        let problem = Diagnostic::error(&code::E0004, name.span, "the key `model` is missing");
        reader.problems.push(problem.hint("add `model = \"the model under test\"`"));
        return None;
    };
    let model = model.read::<Spanned<Name>>(reader.problems)?;
    let steps = match value.key("steps").map(|steps| &steps.kind) {
        Some(ValueKind::Array(steps)) => steps.iter().map(|each| step(reader, each)).collect(),
        Some(_) => {
            let span = value.key("steps").map_or(name.span, |steps| steps.span);
            reader.problems.push(Diagnostic::error(&code::E0005, span, "`steps` must be a list of tables"));
            return None;
        }
        None => vec![step(reader, value)],
    };
    let vars = value.key("vars").map(Value::entries).unwrap_or_default();
    let vars = vars.iter().map(|(key, _, value)| (key.clone(), value.clone())).collect();
    Some(UnitTest { name, model, steps, vars })
}

fn known_keys(reader: &mut Reader<'_>, value: &Value, known: &[&str]) {
    for (key, span, _) in value.entries() {
        if !known.contains(&key.as_str()) {
            let problem = Diagnostic::error(&code::E0003, *span, format!("unknown key `{key}`"));
            reader.problems.push(match crate::name::nearest(key, known.iter().copied()) {
                Some(near) => problem.fix("a key with a similar name exists", *span, near),
                None => problem.hint(format!("known keys: {}", known.join(", "))),
            });
        }
    }
}

fn step(reader: &mut Reader<'_>, value: &Value) -> UnitStep {
    let mut given = BTreeMap::new();
    // `given.replica.orders` may be written with dots or in quotes.
    for (name, _, inner) in value.key("given").map(Value::entries).unwrap_or_default() {
        if matches!(inner.kind, ValueKind::Table(_)) {
            for (table, _, rows) in inner.entries() {
                given.insert(id::written(name, table), self::rows(reader, rows));
            }
        } else {
            given.insert(name.clone(), rows(reader, inner));
        }
    }
    let expect = value.key("expect").map(|rows| self::rows(reader, rows));
    let expect_error = value.key("expect_error").and_then(|text| text.read(reader.problems));
    if expect.is_none() && expect_error.is_none() {
        let problem = Diagnostic::error(&code::E0004, value.span, "the key `expect` is missing");
        reader.problems.push(problem.hint("add `expect = [{ column = value }]`, or `expect_error = \"…\"`"));
    }
    UnitStep { given, expect, expect_error }
}

fn rows(reader: &mut Reader<'_>, value: &Value) -> GivenRows {
    let mut rows = vec![];
    let ValueKind::Array(items) = &value.kind else {
        let problem =
            Diagnostic::error(&code::E0005, value.span, format!("expected a list of rows, found {}", value.word()));
        reader.problems.push(problem.hint("write `[{ column = value }, …]`"));
        return GivenRows { span: value.span, rows };
    };
    for item in items {
        if matches!(item.kind, ValueKind::Table(_)) {
            rows.push(item.entries().iter().map(|(key, _, value)| (key.clone(), value.clone())).collect());
        } else {
            let problem = Diagnostic::error(&code::E0005, item.span, format!("expected a row, found {}", item.word()));
            reader.problems.push(problem.hint("write `{ column = value }`"));
        }
    }
    GivenRows { span: value.span, rows }
}
