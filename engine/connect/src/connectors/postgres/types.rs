//! PostgreSQL's types ↔ column types.

use crate::hub::type_map::{Read, TypeMap};
use engine_language::column::ColumnType;

/// The domain that holds whole numbers of 64 bits without sign, which PostgreSQL has no type for.
pub const UNSIGNED: &str = "engine_ubigint";
/// What stands before the type's own words in a column that another PostgreSQL declares the same.
pub const KIND: &str = "postgres";
/// Types whose numbers are the system's own.
const FIRST_OWN: u32 = 16_384;

/// How a value looks in PostgreSQL's binary format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A byte.
    Bool,
    /// Two bytes.
    Int2,
    /// Four bytes.
    Int4,
    /// Eight bytes.
    Int8,
    /// A float of four bytes.
    Float4,
    /// A float of eight bytes.
    Float8,
    /// Precision and scale.
    Numeric(u8, i8),
    /// A numeric that is a whole number of 64 bits without sign.
    Unsigned,
    /// UTF-8.
    Text,
    /// A version, and UTF-8.
    Jsonb,
    /// Any bytes.
    Bytes,
    /// Days since 2000.
    Date,
    /// Microseconds since midnight.
    Time,
    /// Microseconds since 2000.
    Timestamp,
    /// Microseconds since 2000 UTC.
    TimestampTz,
    /// Microseconds, days and months.
    Interval,
    /// Sixteen bytes.
    Uuid,
    /// Of items, and their type's number.
    List(Box<Wire>, u32),
    /// As it is, for another PostgreSQL.
    Raw,
    /// An array as it is.
    RawArray,
}

/// How a column of PostgreSQL is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub column: ColumnType,
    pub wire: Wire,
    /// Whether PostgreSQL makes text of it first.
    pub as_text: bool,
}

/// A type as the catalog has it, domains looked through.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// Its name; `enum` for enums, empty for composites.
    pub name: String,
    /// Its name, whatever it is.
    pub own: String,
    pub number: u32,
    pub modifier: i32,
    /// Its whole spelling.
    pub declared: String,
    /// Whether it has a binary form for both ways.
    pub binary: bool,
    /// Of an array, the items' type and its number.
    pub items: Option<(String, u32)>,
}

impl Base {
    /// How a query here carries it.
    pub fn kind(&self) -> Kind {
        if let Some((item, number)) = &self.items {
            let item = scalar(item, self.modifier);
            if item.as_text {
                return text();
            }
            let column = ColumnType::List(Box::new(item.column));
            return Kind { column, wire: Wire::List(Box::new(item.wire), *number), as_text: false };
        }
        scalar(&self.name, self.modifier)
    }

    /// How it passes to another PostgreSQL: values whose Arrow type holds all of them as that, others as their bytes.
    pub fn passing(&self) -> Kind {
        let kind = self.kind();
        let exact = matches!(
            kind.wire,
            Wire::Bool | Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Float4 | Wire::Float8 | Wire::Text | Wire::Bytes
        );
        let items_travel = self.items.as_ref().is_none_or(|(_, number)| *number < FIRST_OWN);
        let travels = self.binary && self.number < FIRST_OWN && items_travel && !names_something(&self.name);
        if travels && (!exact || kind.as_text) {
            let wire = if self.items.is_some() { Wire::RawArray } else { Wire::Raw };
            return Kind { column: ColumnType::Bytes, wire, as_text: false };
        }
        kind
    }

    /// What another PostgreSQL declares, where the column type does not say it all.
    pub fn native(&self, carried: &Kind) -> Option<String> {
        if matches!(carried.wire, Wire::Raw | Wire::RawArray) {
            return Some(format!("{KIND}:{}", self.declared));
        }
        if carried.as_text {
            return None;
        }
        if self.name == "enum" {
            return Some(format!("{KIND}:{}", self.own));
        }
        let items = self.items.as_ref().map_or(0, |(_, number)| *number);
        let own = self.name.is_empty() || self.number >= FIRST_OWN || items >= FIRST_OWN;
        let said = declared(&carried.column, "") == self.declared;
        (!own && !said && !names_something(&self.name)).then(|| format!("{KIND}:{}", self.declared))
    }
}

/// Whether a value stands for something of its own database by number.
fn names_something(name: &str) -> bool {
    name.starts_with("reg") || name.starts_with("_reg") || name.starts_with("pg_") && name != "pg_lsn"
}

fn scalar(name: &str, modifier: i32) -> Kind {
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

/// What PostgreSQL makes text of.
pub fn text() -> Kind {
    Kind { column: ColumnType::Text(None), wire: Wire::Text, as_text: true }
}

/// A numeric column as the user wants it carried: any decimal.
pub fn decimal(precision: u8, scale: i8) -> Kind {
    let (column, wire) = (ColumnType::Decimal(precision, scale), Wire::Numeric(precision, scale));
    Kind { column, wire, as_text: false }
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

/// What a column type is declared as, in the words of the catalog.
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
        ColumnType::Text(Some(n)) if *n > 0 && *n <= LONGEST_TEXT => format!("character varying({n})"),
        ColumnType::Text(_) => "text".into(),
        ColumnType::Bytes => "bytea".into(),
        ColumnType::Date => "date".into(),
        ColumnType::Time => "time without time zone".into(),
        ColumnType::Timestamp => "timestamp without time zone".into(),
        ColumnType::TimestampTz => "timestamp with time zone".into(),
        ColumnType::Interval => "interval".into(),
        ColumnType::Json => "json".into(),
        ColumnType::Uuid => "uuid".into(),
        ColumnType::List(item) => format!("{}[]", declared(item, schema)),
    }
}

/// Characters of the longest text that can be declared.
pub const LONGEST_TEXT: u32 = 10_485_760;

/// What becomes of types, as [`Base::kind`] and [`declared`] say it.
pub fn map() -> TypeMap {
    let names = [
        ("boolean", "bool", -1),
        ("smallint", "int2", -1),
        ("integer", "int4", -1),
        ("bigint", "int8", -1),
        ("real", "float4", -1),
        ("double precision", "float8", -1),
        ("numeric(10,2)", "numeric", (10 << 16) + 2 + 4),
        ("numeric(60,10)", "numeric", (60 << 16) + 10 + 4),
        ("numeric", "numeric", -1),
        ("numeric(200,100)", "numeric", (200 << 16) + 100 + 4),
        ("text", "text", -1),
        ("character varying(20)", "varchar", 24),
        ("character(5)", "bpchar", 9),
        ("an enum", "enum", -1),
        ("bytea", "bytea", -1),
        ("date", "date", -1),
        ("time", "time", -1),
        ("time with time zone", "timetz", -1),
        ("timestamp", "timestamp", -1),
        ("timestamp with time zone", "timestamptz", -1),
        ("interval", "interval", -1),
        ("json", "json", -1),
        ("jsonb", "jsonb", -1),
        ("uuid", "uuid", -1),
        ("bit, bit varying", "bit", -1),
        ("inet, cidr, macaddr", "inet", -1),
        ("money", "money", -1),
        ("xml", "xml", -1),
        ("point and other shapes", "point", -1),
        ("ranges", "int4range", -1),
        ("types of one's own, domains aside", "", -1),
    ];
    let mut reads: Vec<Read> =
        names.iter().map(|(native, name, modifier)| read(native, name, *modifier, None)).collect();
    reads.push(read("integer[]", "_int4", -1, Some(("int4".into(), 23))));
    reads.push(read("inet[]", "_inet", -1, Some(("inet".into(), 869))));
    TypeMap { reads, declares: Some(|kind| Some(declared(kind, "schema"))), passes: true }
}

fn read(native: &str, name: &str, modifier: i32, items: Option<(String, u32)>) -> Read {
    let base = Base { name: name.into(), modifier, items, ..Base::default() };
    let kind = base.kind();
    let odd: &[&str] = match kind.wire {
        Wire::Numeric(..) => &["nan", "digits"],
        Wire::Date | Wire::Timestamp | Wire::TimestampTz | Wire::Interval => &["infinity", "range"],
        Wire::Time => &["midnight"],
        Wire::List(..) => &["dimensions"],
        Wire::Text | Wire::Jsonb => &["utf8"],
        _ => &[],
    };
    Read { native: native.into(), carried: kind.column, odd: odd.to_vec() }
}
