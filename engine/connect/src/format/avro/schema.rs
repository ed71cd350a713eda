//! Schemas as writers declare them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A schema, and the types that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// What a message is.
    pub root: Type,
    /// Records, enums and fixed, by their numbers.
    named: Vec<Type>,
}

/// A type; a logical type that is not known, or does not fit what it stands on, is what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    /// An instant, counted so many times a second.
    Instant(i64),
    /// A time without zone, counted so many times a second.
    Local(i64),
    /// Bytes, or so many of them.
    Decimal {
        size: Option<usize>,
        scale: u32,
    },
    Fixed(usize),
    UuidBytes,
    Enum(Vec<String>),
    List(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    Record(Vec<Field>),
    /// A record, enum or fixed, by its number.
    Named(usize),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
}

impl Schema {
    /// Reads a schema that speaks of the types of others. `Err` says what is wrong.
    pub fn parse(text: &str, others: &[String]) -> Result<Self, String> {
        let mut parser = Parser::default();
        for other in others {
            parser.whole(other)?;
        }
        let root = parser.whole(text)?;
        Ok(Self { root, named: parser.named })
    }

    /// The type itself, where it is one with a name.
    pub fn resolve<'s>(&'s self, kind: &'s Type) -> &'s Type {
        match kind {
            Type::Named(number) => &self.named[*number],
            other => other,
        }
    }
}

#[derive(Default)]
struct Parser {
    named: Vec<Type>,
    numbers: BTreeMap<String, usize>,
}

impl Parser {
    fn whole(&mut self, text: &str) -> Result<Type, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("a schema that is no JSON: {error}"))?;
        self.kind(&value, "")
    }

    fn kind(&mut self, value: &Value, space: &str) -> Result<Type, String> {
        match value {
            Value::String(word) => self.word(word, space),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.kind(branch, space));
                branches.collect::<Result<_, _>>().map(Type::Union)
            }
            Value::Object(object) => self.object(object, space),
            other => Err(format!("`{other}` is no type")),
        }
    }

    fn word(&self, word: &str, space: &str) -> Result<Type, String> {
        Ok(match word {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::String,
            name => {
                let number = self.numbers.get(&full(name, space)).or_else(|| self.numbers.get(name));
                Type::Named(*number.ok_or_else(|| format!("the type `{name}` is not declared"))?)
            }
        })
    }

    fn object(&mut self, object: &Map<String, Value>, space: &str) -> Result<Type, String> {
        let kind = object.get("type").ok_or("a type has no `type`")?;
        let under = |key: &str| object.get(key).ok_or_else(|| format!("{kind} has no `{key}`"));
        match kind.as_str() {
            Some("array") => Ok(Type::List(Box::new(self.kind(under("items")?, space)?))),
            Some("map") => Ok(Type::Map(Box::new(self.kind(under("values")?, space)?))),
            Some("record" | "error") => {
                let fields = under("fields")?.as_array().ok_or("`fields` is a list")?;
                self.name(object, space, |parser, space| parser.record(fields, space))
            }
            Some("enum") => {
                let symbols = under("symbols")?.as_array().ok_or("`symbols` is a list")?;
                let symbols: Option<Vec<String>> = symbols.iter().map(|s| s.as_str().map(str::to_owned)).collect();
                let symbols = symbols.ok_or("symbols are texts")?;
                self.name(object, space, |_, _| Ok(Type::Enum(symbols)))
            }
            Some("fixed") => {
                let size = under("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("`size` is a number of bytes")?;
                self.name(object, space, |_, _| Ok(meant(Type::Fixed(size), object)))
            }
            _ => Ok(meant(self.kind(kind, space)?, object)),
        }
    }

    fn record(&mut self, fields: &[Value], space: &str) -> Result<Type, String> {
        let field = |value: &Value| {
            let name = value.get("name").and_then(Value::as_str).ok_or("a field has no `name`")?;
            let kind = value.get("type").ok_or_else(|| format!("the field `{name}` has no `type`"))?;
            Ok::<_, String>(Field { name: name.to_owned(), kind: self.kind(kind, space)? })
        };
        fields.iter().map(field).collect::<Result<_, _>>().map(Type::Record)
    }

    /// Declares a type that may speak of itself.
    fn name(
        &mut self,
        object: &Map<String, Value>,
        space: &str,
        make: impl FnOnce(&mut Self, &str) -> Result<Type, String>,
    ) -> Result<Type, String> {
        let name = object.get("name").and_then(Value::as_str).ok_or("a type has no `name`")?;
        let space = object.get("namespace").and_then(Value::as_str).unwrap_or(space);
        let name = full(name, space);
        let number = self.named.len();
        self.named.push(Type::Null);
        if self.numbers.insert(name.clone(), number).is_some() {
            return Err(format!("the type `{name}` is declared twice"));
        }
        let inside = name.rsplit_once('.').map_or("", |(space, _)| space);
        self.named[number] = make(self, inside)?;
        Ok(Type::Named(number))
    }
}

fn full(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

/// What a type stands for.
fn meant(kind: Type, object: &Map<String, Value>) -> Type {
    let number = |key: &str| object.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let size = match kind {
        Type::Fixed(size) => Some(size),
        _ => None,
    };
    match (object.get("logicalType").and_then(Value::as_str).unwrap_or_default(), &kind) {
        ("uuid", Type::String) => Type::Uuid,
        ("uuid", Type::Fixed(16)) => Type::UuidBytes,
        ("date", Type::Int) => Type::Date,
        ("time-millis", Type::Int) => Type::TimeMillis,
        ("time-micros", Type::Long) => Type::TimeMicros,
        ("timestamp-millis", Type::Long) => Type::Instant(1_000),
        ("timestamp-micros", Type::Long) => Type::Instant(1_000_000),
        ("timestamp-nanos", Type::Long) => Type::Instant(1_000_000_000),
        ("local-timestamp-millis", Type::Long) => Type::Local(1_000),
        ("local-timestamp-micros", Type::Long) => Type::Local(1_000_000),
        ("local-timestamp-nanos", Type::Long) => Type::Local(1_000_000_000),
        ("decimal", Type::Bytes | Type::Fixed(_)) => {
            let (precision, scale) = (number("precision").unwrap_or(0), number("scale").unwrap_or(0));
            if precision == 0 || scale > precision { kind } else { Type::Decimal { size, scale } }
        }
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema, Type};

    #[test]
    fn a_type_may_speak_of_itself_and_of_others_by_their_short_names() {
        let money = r#"{"type":"fixed","name":"money","namespace":"shop","size":8,"logicalType":"decimal","precision":12,"scale":2}"#;
        let text = r#"{"type":"record","name":"shop.Order","fields":[
            {"name":"total","type":"money"},
            {"name":"next","type":["null","Order"]},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"odd","type":{"type":"int","logicalType":"timestamp-millis"}}]}"#;
        let schema = Schema::parse(text, &[money.to_owned()]).unwrap();
        let Type::Record(fields) = schema.resolve(&schema.root) else { panic!("{schema:?}") };
        assert_eq!(*schema.resolve(&fields[0].kind), Type::Decimal { size: Some(8), scale: 2 });
        let Type::Union(branches) = &fields[1].kind else { panic!("{fields:?}") };
        assert_eq!(branches[1], schema.root);
        assert_eq!((&fields[2].kind, &fields[3].kind), (&Type::Instant(1000), &Type::Int));
    }

    #[test]
    fn what_is_no_schema_says_why() {
        let wrong = |text: &str| Schema::parse(text, &[]).unwrap_err();
        assert_eq!(wrong(r#"{"type":"record","name":"r"}"#), "\"record\" has no `fields`");
        assert_eq!(wrong("\"other\""), "the type `other` is not declared");
        assert_eq!(wrong("7"), "`7` is no type");
        let twice = r#"[{"type":"enum","name":"e","symbols":[]},{"type":"enum","name":"e","symbols":[]}]"#;
        assert_eq!(wrong(twice), "the type `e` is declared twice");
        assert!(wrong("{").starts_with("a schema that is no JSON"));
    }
}
