//! Values into types, with serde: every unknown key, missing key and wrong type at its own place, all of them at once.

use super::{Spanned, Value, ValueKind};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::Span,
    name::nearest,
};
use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor, value::StringDeserializer},
};
use std::fmt;

/// The name by which [`Spanned`] asks this deserializer for a place.
const SPANNED: &str = "$engine::Spanned";
/// As many mistakes of one table as are looked for.
const MOST: usize = 100;

impl Value {
    /// Reads the value as a type. Complains of everything that does not fit, and then gives nothing.
    pub fn read<T: DeserializeOwned>(&self, problems: &mut Problems) -> Option<T> {
        let mut value = self.clone();
        let mut dropped: Vec<String> = vec![];
        let mut failed = false;
        for _ in 0..MOST {
            let error = match T::deserialize(&value) {
                Ok(read) => return (!failed).then_some(read),
                Err(error) => error,
            };
            let repeats = matches!(&error.kind, Kind::Missing(key) if dropped.contains(key));
            if !repeats {
                problems.push(error.diagnostic(self.span));
            }
            failed = true;
            match error.span.and_then(|span| drop_at(&mut value, span)) {
                Some(key) => dropped.push(key),
                None => return None,
            }
        }
        None
    }
}

/// Takes out the innermost entry that stands at a place, and says its key.
fn drop_at(value: &mut Value, span: Span) -> Option<String> {
    match &mut value.kind {
        ValueKind::Table(entries) => {
            for (_, _, inner) in entries.iter_mut() {
                if let Some(key) = drop_at(inner, span) {
                    return Some(key);
                }
            }
            let index = entries.iter().position(|(_, key, inner)| *key == span || inner.span == span)?;
            Some(entries.remove(index).0)
        }
        ValueKind::Array(items) => {
            for item in items.iter_mut() {
                if let Some(key) = drop_at(item, span) {
                    return Some(key);
                }
            }
            let index = items.iter().position(|item| item.span == span)?;
            items.remove(index);
            Some(String::new())
        }
        _ => None,
    }
}

/// Why a value does not fit.
#[derive(Debug)]
pub struct ReadError {
    span: Option<Span>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Unknown(String, &'static [&'static str]),
    Missing(String),
    Wrong(String),
}

impl ReadError {
    fn or_at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    fn diagnostic(&self, outer: Span) -> Diagnostic {
        let span = self.span.unwrap_or(outer);
        match &self.kind {
            Kind::Unknown(key, known) => {
                let problem = Diagnostic::error(&code::E0003, span, format!("unknown key `{key}`"));
                match nearest(key, known.iter().copied()) {
                    Some(near) => problem.fix("a key with a similar name exists", span, near),
                    None if known.is_empty() => problem,
                    None => problem.hint(format!("known keys: {}", quoted(known))),
                }
            }
            Kind::Missing(key) => Diagnostic::error(&code::E0004, span, format!("the key `{key}` is missing"))
                .hint(format!("add `{key} = …`")),
            Kind::Wrong(message) => Diagnostic::error(&code::E0005, span, message),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { span: None, kind: Kind::Wrong(message.to_string()) }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self { span: None, kind: Kind::Unknown(field.to_owned(), expected) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let near = nearest(variant, expected.iter().copied());
        let advice = near.map_or_else(|| format!("expected {}", quoted(expected)), |n| format!("did you mean `{n}`?"));
        Self::custom(format!("`{variant}` is not known here: {advice}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { span: None, kind: Kind::Missing(field.to_owned()) }
    }
}

macro_rules! typed {
    ($($method:ident => $visit:ident: $type:ty),* $(,)?) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
                if let ValueKind::Interpolated(text) = &self.kind {
                    // The text may be a secret, so it is not shown.
                    let read: $type = text.trim().parse().map_err(|_| {
                        <ReadError as de::Error>::custom(concat!("what stands here after `${…}` is not of the type `", stringify!($type), "`"))
                            .or_at(self.span)
                    })?;
                    return visitor.$visit(read).map_err(|e: ReadError| e.or_at(self.span));
                }
                self.deserialize_any(visitor)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for &'de Value {
    type Error = ReadError;

    typed! {
        deserialize_bool => visit_bool: bool,
        deserialize_i8 => visit_i64: i64,
        deserialize_i16 => visit_i64: i64,
        deserialize_i32 => visit_i64: i64,
        deserialize_i64 => visit_i64: i64,
        deserialize_u8 => visit_u64: u64,
        deserialize_u16 => visit_u64: u64,
        deserialize_u32 => visit_u64: u64,
        deserialize_u64 => visit_u64: u64,
        deserialize_f32 => visit_f64: f64,
        deserialize_f64 => visit_f64: f64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let read = match &self.kind {
            ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => {
                visitor.visit_str(text)
            }
            ValueKind::Integer(number) => visitor.visit_i64(*number),
            ValueKind::Float(number) => visitor.visit_f64(*number),
            ValueKind::Boolean(truth) => visitor.visit_bool(*truth),
            ValueKind::Array(items) => visitor.visit_seq(Items(items.iter())),
            ValueKind::Table(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        };
        read.map_err(|error: ReadError| error.or_at(self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == SPANNED {
            visitor.visit_seq(Placed { value: self, at: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Some(text) = self.as_str() else {
            return Err(
                <ReadError as de::Error>::custom(format!("expected a string, found {}", self.word())).or_at(self.span)
            );
        };
        let word: StringDeserializer<ReadError> = text.to_owned().into_deserializer();
        visitor.visit_enum(word).map_err(|error: ReadError| error.or_at(self.span))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de>(std::slice::Iter<'de, Value>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.0.next().map(|item| seed.deserialize(item).map_err(|error| error.or_at(item.span))).transpose()
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, (String, Span, Value)>,
    value: Option<&'de Value>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((key, span, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Key { key, span: *span }).map(Some).map_err(|error| error.or_at(*span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let value = self.value.take().expect("serde asks for the key first");
        seed.deserialize(value).map_err(|error| error.or_at(value.span))
    }
}

/// A key, which may be asked for with its place.
struct Key<'de> {
    key: &'de str,
    span: Span,
}

impl<'de> de::Deserializer<'de> for Key<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.key)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == SPANNED {
            visitor.visit_seq(PlacedKey { key: Some(self), place: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A place as three numbers (the file's index, start, end), then the value.
struct Placed<'de> {
    value: &'de Value,
    at: u8,
}

impl<'de> de::SeqAccess<'de> for Placed<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.at += 1;
        if self.at > 3 {
            return seed.deserialize(self.value).map(Some);
        }
        seed.deserialize(self.value.span.numbers()[usize::from(self.at) - 1].into_deserializer()).map(Some)
    }
}

struct PlacedKey<'de> {
    key: Option<Key<'de>>,
    place: u8,
}

impl<'de> de::SeqAccess<'de> for PlacedKey<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.place += 1;
        match &self.key {
            Some(key) if self.place <= 3 => {
                seed.deserialize(key.span.numbers()[usize::from(self.place) - 1].into_deserializer()).map(Some)
            }
            _ => self.key.take().map(|key| seed.deserialize(key)).transpose(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpannedVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of a project's file")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Spanned<T>, A::Error> {
                let mut place = [0; 3];
                for number in &mut place {
                    *number = parts.next_element()?.expect("a place is three numbers");
                }
                let value = parts.next_element()?.expect("a value follows its place");
                Ok(Spanned::new(value, Span::from_numbers(place)))
            }
        }
        deserializer.deserialize_newtype_struct(SPANNED, SpannedVisitor(std::marker::PhantomData))
    }
}
