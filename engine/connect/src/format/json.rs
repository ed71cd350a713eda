//! JSON messages into Arrow columns of declared types: every value exactly, or the message is refused with a reason.
//!
//! One message is one object. A value that would lose something (1.7 for an `int`, 1.005 for a `decimal(10,2)`), text after
//! the object, a bare `null`: each refuses its message and no other.

use super::{
    rows::{ColumnSpec, Columns, Decoded, Rows},
    text::{Cell, parse},
};
use datafusion::arrow::{datatypes::SchemaRef, error::ArrowError};
use engine_language::column::ColumnType;
use serde::{
    Deserialize as _,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, de::Read, value::RawValue};
use std::{borrow::Cow, fmt};

/// Decodes messages of one schema.
#[derive(Clone, Debug)]
pub struct JsonDecoder {
    columns: Columns,
}

impl JsonDecoder {
    /// For these columns; keys of a message that are no column are ignored, columns without a key are NULL.
    pub fn new(columns: Vec<(String, ColumnType)>) -> Self {
        Self::of(Columns::new(columns))
    }

    /// The same, of which some may be required.
    pub fn of(columns: Columns) -> Self {
        Self { columns }
    }

    /// The columns as Arrow fields.
    pub fn schema(&self) -> &SchemaRef {
        &self.columns.schema
    }

    /// Decodes messages.
    pub fn decode(&self, messages: &[&[u8]]) -> Result<Decoded, ArrowError> {
        let mut rows = Rows::new(&self.columns);
        let (mut values, mut cells) = (vec![], vec![]);
        for (i, message) in messages.iter().enumerate() {
            let mut row = emptied(cells);
            match self.values(message, &mut values).and_then(|()| self.cells(&values, &mut row)) {
                Ok(()) => rows.push(i, &row)?,
                Err(reason) => rows.refuse(i, reason),
            }
            cells = emptied(row);
        }
        rows.finish()
    }

    /// What a message says of each column.
    fn values<'m>(&self, message: &'m [u8], to: &mut Vec<JsonValue<'m>>) -> Result<(), String> {
        // Looked at once as a whole; where it is no text, the reader says which value is none.
        match std::str::from_utf8(message) {
            Ok(text) => self.read(serde_json::Deserializer::from_str(text), to),
            Err(_) => self.read(serde_json::Deserializer::from_slice(message), to),
        }
    }

    fn read<'m>(
        &self,
        mut from: serde_json::Deserializer<impl Read<'m>>,
        to: &mut Vec<JsonValue<'m>>,
    ) -> Result<(), String> {
        let wrong = |error: serde_json::Error| format!("not one JSON object: {error}");
        to.clear();
        to.extend(self.columns.wanted.iter().map(|_| JsonValue::Null));
        Object { wanted: &self.columns.wanted, to }.deserialize(&mut from).map_err(wrong)?;
        from.end().map_err(wrong)
    }

    fn cells<'v>(&self, values: &'v [JsonValue<'_>], to: &mut Vec<Cell<'v>>) -> Result<(), String> {
        for (wanted, value) in self.columns.wanted.iter().zip(values) {
            if wanted.required && matches!(value, JsonValue::Null) {
                return Err(wanted.missing());
            }
            to.push(value.cell(&wanted.kind).ok_or_else(|| wanted.refusal(value))?);
        }
        Ok(())
    }
}

/// The same room, for cells of another message: asking for it anew would cost as much as reading a value.
fn emptied<'to>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'to>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Null).collect()
}

/// A value of a message, of which only what a column can hold is kept.
#[derive(Debug)]
enum JsonValue<'m> {
    Null,
    Bool(bool),
    /// Its digits, as they stand there.
    Number(Cow<'m, str>),
    Text(Cow<'m, str>),
    /// As JSON, for a column of JSON.
    Json(String),
    /// A list or an object.
    Several,
}

impl JsonValue<'_> {
    /// The value as one of this type; `None` if it is not exactly that.
    fn cell(&self, kind: &ColumnType) -> Option<Cell<'_>> {
        use ColumnType as T;
        Some(match (self, kind) {
            (JsonValue::Null, _) => Cell::Null,
            (JsonValue::Json(text), T::Json) => Cell::Text(text),
            (JsonValue::Bool(truth), T::Bool) => Cell::Bool(*truth),
            (
                JsonValue::Number(digits),
                T::SmallInt | T::Int | T::BigInt | T::UBigInt | T::Float | T::Double | T::Decimal(..),
            ) => parse(digits, kind)?,
            (
                JsonValue::Text(text),
                T::Decimal(..) | T::Text(_) | T::Uuid | T::Date | T::Time | T::Timestamp | T::TimestampTz,
            ) => parse(text, kind)?,
            _ => return None,
        })
    }
}

impl fmt::Display for JsonValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonValue::Null => f.write_str("null"),
            JsonValue::Bool(truth) => write!(f, "{truth}"),
            JsonValue::Number(text) => f.write_str(text),
            JsonValue::Json(text) => f.write_str(text),
            JsonValue::Text(text) => write!(f, "{}", Value::from(text.as_ref())),
            JsonValue::Several => f.write_str("a list or an object"),
        }
    }
}

/// Reads an object as the values of the wanted columns.
struct Object<'c, 'm> {
    wanted: &'c [ColumnSpec],
    to: &'c mut [JsonValue<'m>],
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { wanted, to } = self;
        let mut next = 0;
        while let Some(found) = map.next_key_seed(Key { wanted, next })? {
            let Some(column) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            to[column] = map.next_value_seed(One::of(&wanted[column].kind))?;
            next = column + 1;
        }
        Ok(())
    }
}

/// Finds the column that a key names. Messages mostly have the columns' order.
struct Key<'c> {
    wanted: &'c [ColumnSpec],
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        if self.wanted.get(self.next).is_some_and(|wanted| wanted.name == key) {
            return Ok(Some(self.next));
        }
        Ok(self.wanted.iter().position(|wanted| wanted.name == key))
    }
}

/// Reads one value, as what its column wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum One {
    Json,
    Number,
    Other,
}

impl One {
    fn of(kind: &ColumnType) -> Self {
        use ColumnType as T;
        match kind {
            T::Json => Self::Json,
            T::SmallInt | T::Int | T::BigInt | T::UBigInt | T::Float | T::Double | T::Decimal(..) => Self::Number,
            _ => Self::Other,
        }
    }
}

/// A value that stands there as this, without a copy of its digits.
fn raw<E: serde::de::Error>(text: &str) -> Result<JsonValue<'_>, E> {
    Ok(match text.as_bytes() {
        [b'-' | b'0'..=b'9', ..] => JsonValue::Number(Cow::Borrowed(text)),
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => JsonValue::Text(Cow::Borrowed(&text[1..text.len() - 1])),
        [b'"', ..] => JsonValue::Text(serde_json::from_str::<String>(text).map_err(E::custom)?.into()),
        [b'n', ..] => JsonValue::Null,
        [b't', ..] => JsonValue::Bool(true),
        [b'f', ..] => JsonValue::Bool(false),
        _ => JsonValue::Several,
    })
}

impl<'de> DeserializeSeed<'de> for One {
    type Value = JsonValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        match self {
            Self::Other => from.deserialize_any(self),
            Self::Number => raw(<&RawValue>::deserialize(from)?.get()),
            Self::Json => {
                let value = Value::deserialize(from)?;
                Ok(if value.is_null() { JsonValue::Null } else { JsonValue::Json(value.to_string()) })
            }
        }
    }
}

impl<'de> Visitor<'de> for One {
    type Value = JsonValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(JsonValue::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(JsonValue::Number(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(JsonValue::Number(number.to_string().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(JsonValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(JsonValue::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(JsonValue::Several)
    }

    /// With all digits kept, `serde_json` shows what is no small whole number as an object of one key that no JSON has.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        match map.next_key::<Cow<'de, str>>()? {
            Some(key) if key == "$serde_json::private::Number" => Ok(JsonValue::Number(Cow::Owned(map.next_value()?))),
            None => Ok(JsonValue::Several),
            Some(_) => {
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(JsonValue::Several)
            }
        }
    }
}
