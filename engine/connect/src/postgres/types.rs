//! PostgreSQL's types ↔ column types.

use engine_language::column::ColumnType;

/// The domain that holds whole numbers of 64 bits without sign, which PostgreSQL has no type for.
pub const UNSIGNED: &str = "engine_ubigint";

/// How a value looks in PostgreSQL's binary format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// Precision and scale.
    Numeric(u8, i8),
    Unsigned,
    Text,
    Jsonb,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    /// Of items, and their type's number.
    List(Box<Wire>, u32),
}

/// How a column of PostgreSQL is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub column: ColumnType,
    pub wire: Wire,
    /// Whether PostgreSQL makes text of it first.
    pub as_text: bool,
}

/// The kind of a base type of the catalog; `items` is that of an array's items.
pub fn kind(name: &str, modifier: i32, items: Option<(&str, u32)>) -> Kind {
    if let Some((item, number)) = items {
        let item = kind(item, modifier, None);
        if !item.as_text {
            let column = ColumnType::List(Box::new(item.column));
            return Kind { column, wire: Wire::List(Box::new(item.wire), number), as_text: false };
        }
        return text();
    }
    let length = u32::try_from(modifier - 4).ok();
    let (column, wire) = match name {
        "bool" => (ColumnType::Bool, Wire::Bool),
        "int2" => (ColumnType::SmallInt, Wire::Int2),
        "int4" => (ColumnType::Int, Wire::Int4),
        "int8" => (ColumnType::BigInt, Wire::Int8),
        UNSIGNED => (ColumnType::UBigInt, Wire::Unsigned),
        "float4" => (ColumnType::Float, Wire::Float4),
        "float8" => (ColumnType::Double, Wire::Float8),
        "numeric" => match numeric(modifier) {
            Some((p, s)) => (ColumnType::Decimal(p, s), Wire::Numeric(p, s)),
            None => return text(),
        },
        "text" | "enum" => (ColumnType::Text(None), Wire::Text),
        "varchar" | "bpchar" => (ColumnType::Text(length), Wire::Text),
        "json" => (ColumnType::Json, Wire::Text),
        "jsonb" => (ColumnType::Json, Wire::Jsonb),
        "bytea" => (ColumnType::Bytes, Wire::Bytes),
        "date" => (ColumnType::Date, Wire::Date),
        "time" => (ColumnType::Time, Wire::Time),
        "timestamp" => (ColumnType::Timestamp, Wire::Timestamp),
        "timestamptz" => (ColumnType::TimestampTz, Wire::TimestampTz),
        "interval" => (ColumnType::Interval, Wire::Interval),
        "uuid" => (ColumnType::Uuid, Wire::Uuid),
        _ => return text(),
    };
    Kind { column, wire, as_text: false }
}

fn text() -> Kind {
    Kind { column: ColumnType::Text(None), wire: Wire::Text, as_text: true }
}

/// Precision and scale of a numeric; `None` if Arrow has no such decimal.
fn numeric(modifier: i32) -> Option<(u8, i8)> {
    if modifier < 4 {
        return Some((38, 18));
    }
    let (precision, scale) = ((modifier - 4) >> 16, (modifier - 4) & 0x7ff);
    let fits = precision <= 76 && scale <= precision;
    fits.then(|| (u8::try_from(precision).unwrap_or(76), i8::try_from(scale).unwrap_or(0)))
}

/// What a column type is declared as.
pub fn declared(kind: &ColumnType, schema: &str) -> String {
    match kind {
        ColumnType::Bool => "boolean".into(),
        ColumnType::SmallInt => "smallint".into(),
        ColumnType::Int => "integer".into(),
        ColumnType::BigInt => "bigint".into(),
        ColumnType::UBigInt => format!("{}.{UNSIGNED}", super::statement::quote(schema)),
        ColumnType::Float => "real".into(),
        ColumnType::Double => "double precision".into(),
        ColumnType::Decimal(p, s) => format!("numeric({p},{s})"),
        ColumnType::Text(Some(n)) if *n > 0 && *n <= 10_485_760 => format!("varchar({n})"),
        ColumnType::Text(_) => "text".into(),
        ColumnType::Bytes => "bytea".into(),
        ColumnType::Date => "date".into(),
        ColumnType::Time => "time".into(),
        ColumnType::Timestamp => "timestamp".into(),
        ColumnType::TimestampTz => "timestamptz".into(),
        ColumnType::Interval => "interval".into(),
        ColumnType::Json => "json".into(),
        ColumnType::Uuid => "uuid".into(),
        ColumnType::List(item) => format!("{}[]", declared(item, schema)),
    }
}
