//! The types of columns, in the words that users write: `int`, `decimal(10,2)`, `timestamp`.

use std::{fmt, str::FromStr};

/// A column's type. Connectors map it to Arrow and to their system's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ColumnType {
    /// `bool`
    Bool,
    /// `smallint`, 16 bits.
    SmallInt,
    /// `int`, 32 bits.
    Int,
    /// `bigint`, 64 bits.
    BigInt,
    /// `ubigint`, 64 bits without sign.
    UBigInt,
    /// `float`, 32 bits.
    Float,
    /// `double`, 64 bits.
    Double,
    /// `decimal(precision, scale)`; precision up to 76.
    Decimal(u8, i8),
    /// `text`, or `text(n)` for at most n characters.
    Text(Option<u32>),
    /// `bytes`
    Bytes,
    /// `date`
    Date,
    /// `time`, in microseconds.
    Time,
    /// `timestamp` without zone, in microseconds.
    Timestamp,
    /// `timestamptz`, an instant, in microseconds of UTC.
    TimestampTz,
    /// `interval`: months, days and nanoseconds.
    Interval,
    /// `json`, carried as text.
    Json,
    /// `uuid`, carried as text.
    Uuid,
    /// `list(type)`
    List(Box<ColumnType>),
}

/// The words for types, for messages; the first of each row is the canonical one.
pub const WORDS: &[&[&str]] = &[
    &["bool", "boolean"],
    &["smallint", "int2", "int16"],
    &["int", "integer", "int4", "int32"],
    &["bigint", "int8", "int64", "long"],
    &["ubigint", "uint64"],
    &["float", "real", "float4", "float32"],
    &["double", "float8", "float64", "double precision"],
    &["decimal", "numeric"],
    &["text", "varchar", "string", "char"],
    &["bytes", "bytea", "blob", "binary"],
    &["date"],
    &["time"],
    &["timestamp", "datetime"],
    &["timestamptz"],
    &["interval"],
    &["json", "jsonb"],
    &["uuid"],
    &["list"],
];

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Bool => "bool",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::UBigInt => "ubigint",
            Self::Float => "float",
            Self::Double => "double",
            Self::Decimal(precision, scale) => return write!(f, "decimal({precision},{scale})"),
            Self::Text(None) => "text",
            Self::Text(Some(length)) => return write!(f, "text({length})"),
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
            Self::Json => "json",
            Self::Uuid => "uuid",
            Self::List(item) => return write!(f, "list({item})"),
        };
        f.write_str(word)
    }
}

impl FromStr for ColumnType {
    /// Why the text is no type, for a message.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_lowercase();
        let (word, arguments) = match text.split_once('(') {
            Some((word, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` has no closing parenthesis"))?;
                (word.trim_end(), Some(inside.trim()))
            }
            None => (text.as_str(), None),
        };
        let canonical = WORDS.iter().find(|words| words.contains(&word)).map(|words| words[0]);
        let Some(canonical) = canonical else {
            let known = WORDS.iter().map(|words| words[0]);
            return Err(match crate::name::nearest(word, known) {
                Some(near) => format!("there is no type `{word}`; a similar one is `{near}`"),
                None => format!("there is no type `{word}`"),
            });
        };
        match (canonical, arguments) {
            ("decimal", Some(inside)) => decimal(&text, inside),
            ("decimal", None) => Err("`decimal` needs precision and scale, as in `decimal(10,2)`".into()),
            ("text", Some(inside)) => {
                let length = inside.parse().map_err(|_| format!("`{inside}` is no length"))?;
                Ok(Self::Text(Some(length)))
            }
            ("list", Some(inside)) => Ok(Self::List(Box::new(inside.parse()?))),
            ("list", None) => Err("`list` needs the type of its items, as in `list(int)`".into()),
            (_, Some(_)) => Err(format!("`{word}` takes no arguments")),
            (word, None) => Ok(simple(word)),
        }
    }
}

fn simple(word: &str) -> ColumnType {
    match word {
        "bool" => ColumnType::Bool,
        "smallint" => ColumnType::SmallInt,
        "int" => ColumnType::Int,
        "bigint" => ColumnType::BigInt,
        "ubigint" => ColumnType::UBigInt,
        "float" => ColumnType::Float,
        "double" => ColumnType::Double,
        "text" => ColumnType::Text(None),
        "bytes" => ColumnType::Bytes,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::TimestampTz,
        "interval" => ColumnType::Interval,
        "json" => ColumnType::Json,
        "uuid" => ColumnType::Uuid,
        other => unreachable!("`{other}` is not a word of WORDS"),
    }
}

fn decimal(text: &str, inside: &str) -> Result<ColumnType, String> {
    let wrong = || format!("`{text}` should look like `decimal(10,2)`");
    let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
    let precision: u8 = precision.trim().parse().map_err(|_| wrong())?;
    let scale: i8 = scale.trim().parse().map_err(|_| wrong())?;
    if !(1..=76).contains(&precision) || scale < 0 || scale.unsigned_abs() > precision {
        return Err(format!("`{text}`: precision is 1 to 76, scale 0 to precision"));
    }
    Ok(ColumnType::Decimal(precision, scale))
}

impl serde::Serialize for ColumnType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ColumnType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for ColumnType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ColumnType".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}
