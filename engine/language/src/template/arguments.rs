//! Values of templates as values of the project.

use crate::{
    config::toml::{Value, ValueKind},
    files::Span,
};
use minijinja::value::{Value as Jinja, ValueKind as JinjaKind};

/// A template's value, with the place of the argument that it came from; `None` if it is nothing that TOML could say.
pub(super) fn to_value(value: &Jinja, span: Span) -> Option<Value> {
    let kind = match value.kind() {
        JinjaKind::Bool => ValueKind::Boolean(value.is_true()),
        JinjaKind::Number if value.is_integer() => ValueKind::Integer(value.as_i64()?),
        JinjaKind::Number => ValueKind::Float(f64::try_from(value.clone()).ok()?),
        JinjaKind::String => ValueKind::String(value.as_str()?.to_owned()),
        JinjaKind::Seq | JinjaKind::Iterable => {
            let items = value.try_iter().ok()?.map(|item| to_value(&item, span));
            ValueKind::Array(items.collect::<Option<_>>()?)
        }
        JinjaKind::Map => {
            let entries = value.try_iter().ok()?.map(|key| {
                let item = value.get_item(&key).ok()?;
                Some((key.as_str()?.to_owned(), span, to_value(&item, span)?))
            });
            ValueKind::Table(entries.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Value { span, kind })
}

/// A project's value as a template's.
pub(super) fn from_value(value: &Value) -> Jinja {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => {
            Jinja::from(text.clone())
        }
        ValueKind::Integer(number) => Jinja::from(*number),
        ValueKind::Float(number) => Jinja::from(*number),
        ValueKind::Boolean(truth) => Jinja::from(*truth),
        ValueKind::Array(items) => items.iter().map(from_value).collect(),
        ValueKind::Table(entries) => entries.iter().map(|(key, _, item)| (key.clone(), from_value(item))).collect(),
    }
}

/// What to call a value's kind in a message.
pub(super) fn kind_name(value: &Jinja) -> &'static str {
    match value.kind() {
        JinjaKind::Undefined | JinjaKind::None => "none",
        JinjaKind::Bool => "a boolean",
        JinjaKind::Number if value.is_integer() => "a whole number",
        JinjaKind::Number => "a number",
        JinjaKind::String => "a string",
        JinjaKind::Seq | JinjaKind::Iterable => "a list",
        JinjaKind::Map => "a table",
        _ => "a value of another kind",
    }
}
