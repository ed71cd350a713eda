//! A TOML value with its places, after `${…}` was resolved.

use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{FileId, Span},
};
use std::{fmt, ops::Range};
use toml::de::{DeTable, DeValue};

/// A value, and where the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: ValueKind,
}

/// What a value is.
#[derive(Clone, PartialEq)]
pub enum ValueKind {
    /// Text as written.
    String(String),
    /// Text in which `${…}` stood; it is read as the type that its field has. Never printed, as it may be a secret.
    Interpolated(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or time, as written.
    Datetime(String),
    /// A list.
    Array(Vec<Value>),
    /// A table: key, the key's place, value, in the order written.
    Table(Vec<(String, Span, Value)>),
}

impl fmt::Debug for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) | Self::Datetime(text) => write!(f, "{text:?}"),
            Self::Interpolated(_) => f.write_str("***"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Array(items) => f.debug_list().entries(items.iter().map(|item| &item.kind)).finish(),
            Self::Table(entries) => {
                f.debug_map().entries(entries.iter().map(|(key, _, value)| (key, &value.kind))).finish()
            }
        }
    }
}

impl Value {
    /// An empty table, such as a file that is not there.
    pub fn empty(span: Span) -> Self {
        Self { span, kind: ValueKind::Table(vec![]) }
    }

    /// Parses a file. Complains of the first syntax error, as more may come of it, and gives what could be read despite it.
    pub fn parse(file: FileId, text: &str, problems: &mut Problems) -> Self {
        let (document, errors) = DeTable::parse_recoverable(text);
        if let Some(error) = errors.first() {
            let span = error.span().map_or(Span::new(file, 0..0), |range| Span::new(file, range));
            problems.push(
                Diagnostic::error(&code::E0002, span, error.message().lines().next().unwrap_or("broken TOML"))
                    .hint("TOML is described at https://toml.io"),
            );
        }
        let span = Span::new(file, 0..0);
        Self { span, kind: table(file, document.into_inner()) }
    }

    /// A value as it is typed on a command line: TOML's if it is one, as `1`, `true`, `\"text\"` or `[1, 2]`, else text.
    pub fn typed(span: Span, text: &str) -> Self {
        let plain = || ValueKind::String(text.to_owned());
        let line = format!("value = {text}");
        let (document, errors) = DeTable::parse_recoverable(&line);
        let mut values = document.into_inner().into_iter().map(|(_, value)| value);
        // All of the text, without a comment behind it.
        let whole = |range: Range<usize>| line.len() - text.len() == range.start && range.end == line.len();
        let kind = match values.next() {
            Some(value) if errors.is_empty() && whole(value.span()) => match kind(span.file, value.into_inner()) {
                // `inf` and `nan` are words rather than numbers.
                ValueKind::Float(number) if !number.is_finite() => plain(),
                other => other,
            },
            _ => plain(),
        };
        Self { span, kind }.placed(span)
    }

    /// The same value with all of it at one place.
    fn placed(self, span: Span) -> Self {
        let kind = match self.kind {
            ValueKind::Array(items) => ValueKind::Array(items.into_iter().map(|item| item.placed(span)).collect()),
            ValueKind::Table(entries) => {
                ValueKind::Table(entries.into_iter().map(|(key, _, value)| (key, span, value.placed(span))).collect())
            }
            other => other,
        };
        Self { span, kind }
    }

    /// The entries of a table; none for anything else.
    pub fn entries(&self) -> &[(String, Span, Value)] {
        match &self.kind {
            ValueKind::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key of a table.
    pub fn key(&self, key: &str) -> Option<&Value> {
        self.entries().iter().find(|(name, _, _)| name == key).map(|(_, _, value)| value)
    }

    /// Takes a key out of a table, with the place of the key.
    pub fn take(&mut self, key: &str) -> Option<(Span, Value)> {
        let ValueKind::Table(entries) = &mut self.kind else { return None };
        let index = entries.iter().position(|(name, _, _)| name == key)?;
        let (_, span, value) = entries.remove(index);
        Some((span, value))
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::String(text) | ValueKind::Interpolated(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub fn word(&self) -> &'static str {
        match self.kind {
            ValueKind::String(_) | ValueKind::Interpolated(_) => "a string",
            ValueKind::Integer(_) => "a whole number",
            ValueKind::Float(_) => "a number",
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::Datetime(_) => "a date or time",
            ValueKind::Array(_) => "a list",
            ValueKind::Table(_) => "a table",
        }
    }
}

fn table(file: FileId, table: DeTable<'_>) -> ValueKind {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let key_span = Span::new(file, key.span());
            let range = value.span();
            let span = if range.is_empty() { key_span } else { Span::new(file, range) };
            let kind = kind(file, value.into_inner());
            let span = if matches!(kind, ValueKind::Table(_)) && file_header(span, key_span) { key_span } else { span };
            (key.into_inner().into_owned(), key_span, Value { span, kind })
        })
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    ValueKind::Table(entries)
}

/// Whether a table was written with a `[header]`, whose key stands inside the table's own place.
fn file_header(table: Span, key: Span) -> bool {
    table.start <= key.start && key.end <= table.end
}

fn kind(file: FileId, value: DeValue<'_>) -> ValueKind {
    match value {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix()).map_or(ValueKind::String(digits), ValueKind::Integer)
        }
        DeValue::Float(number) => {
            let digits = number.as_str().replace('_', "");
            digits.parse().map_or(ValueKind::String(digits), ValueKind::Float)
        }
        DeValue::Boolean(truth) => ValueKind::Boolean(truth),
        DeValue::Datetime(when) => ValueKind::Datetime(when.to_string()),
        DeValue::Array(items) => ValueKind::Array(
            items
                .into_iter()
                .map(|item| {
                    let span = Span::new(file, item.span());
                    Value { span, kind: kind(file, item.into_inner()) }
                })
                .collect(),
        ),
        DeValue::Table(inner) => table(file, inner),
    }
}
