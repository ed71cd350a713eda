//! A TOML value with its places, after `${…}` was resolved.

use crate::files::Span;

/// A value, and where the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its place.
    pub span: Span,
    /// What it is.
    pub kind: ValueKind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
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
