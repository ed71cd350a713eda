//! SQLite's declared types ↔ column types, and values there and back, exactly.

use crate::hub::type_map::{Read, TypeMap};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
        Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
        Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
    },
    compute::kernels::cast_utils::parse_decimal,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt64Type,
    },
};
use engine_language::column::ColumnType;
use rusqlite::types::{Value, ValueRef};

/// What a column type is declared as. The names tell the type, and their affinity keeps every value as it is: fifteen
/// digits survive SQLite's doubles, more are kept as text.
/// No name may hold `INT` but those of whole numbers: SQLite would make numbers of the digits.
pub fn declared(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Bool => "BOOLEAN".into(),
        ColumnType::SmallInt => "SMALLINT".into(),
        ColumnType::Int => "INT".into(),
        ColumnType::BigInt => "BIGINT".into(),
        ColumnType::UBigInt => "UNSIGNED_TEXT".into(),
        ColumnType::Float => "FLOAT".into(),
        ColumnType::Double => "DOUBLE".into(),
        ColumnType::Decimal(p, s) if *p <= 15 => format!("NUMERIC({p},{s})"),
        ColumnType::Decimal(p, s) => format!("DECIMAL_TEXT({p},{s})"),
        ColumnType::Text(None) => "TEXT".into(),
        ColumnType::Text(Some(n)) => format!("VARCHAR({n})"),
        ColumnType::Bytes => "BLOB".into(),
        ColumnType::Date => "DATE".into(),
        ColumnType::Time => "TIME".into(),
        ColumnType::Timestamp => "TIMESTAMP".into(),
        ColumnType::TimestampTz => "TIMESTAMPTZ".into(),
        ColumnType::Json => "JSON_TEXT".into(),
        ColumnType::Uuid => "UUID_TEXT".into(),
        ColumnType::Interval => "DURATION_TEXT".into(),
        ColumnType::List(_) => "LIST_TEXT".into(),
    }
}

/// The column type that a declared type stands for. Types of other programs are read by their usual meaning; a column
/// without one is text.
pub fn kind(declared: &str) -> ColumnType {
    let upper = declared.trim().to_uppercase();
    let (word, arguments) = upper.split_once('(').map_or((upper.as_str(), None), |(w, a)| (w.trim(), Some(a)));
    let number = |text: &str| text.trim().trim_end_matches(')').trim().parse::<u32>().ok();
    match word {
        "BOOLEAN" | "BOOL" => ColumnType::Bool,
        "SMALLINT" | "INT2" | "TINYINT" => ColumnType::SmallInt,
        "INT" | "INT4" | "MEDIUMINT" => ColumnType::Int,
        "INTEGER" | "BIGINT" | "INT8" => ColumnType::BigInt,
        "UNSIGNED_TEXT" => ColumnType::UBigInt,
        "FLOAT" => ColumnType::Float,
        "REAL" | "DOUBLE" | "DOUBLE PRECISION" => ColumnType::Double,
        "NUMERIC" | "DECIMAL" | "DECIMAL_TEXT" => {
            let (p, s) = arguments.and_then(|a| a.split_once(',')).unwrap_or((arguments.unwrap_or("38"), "0"));
            let (p, s) = (number(p).unwrap_or(38), number(s).unwrap_or(0));
            let (p, s) = if arguments.is_none() { (38, 10) } else { (p, s) };
            ColumnType::Decimal(u8::try_from(p).unwrap_or(38), i8::try_from(s).unwrap_or(0))
        }
        "VARCHAR" | "CHAR" | "CHARACTER" | "NVARCHAR" | "CHARACTER VARYING" => {
            ColumnType::Text(arguments.and_then(number))
        }
        "BLOB" | "BYTEA" => ColumnType::Bytes,
        "DATE" => ColumnType::Date,
        "TIME" => ColumnType::Time,
        "TIMESTAMP" | "DATETIME" => ColumnType::Timestamp,
        "TIMESTAMPTZ" => ColumnType::TimestampTz,
        "JSON" | "JSON_TEXT" => ColumnType::Json,
        "UUID" | "UUID_TEXT" => ColumnType::Uuid,
        _ => ColumnType::Text(None),
    }
}

/// Whether it is a signed whole number.
pub fn is_integer(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt)
}

/// Collects one column of rows.
pub enum Builder {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder, bool),
}

impl Builder {
    /// For values of an Arrow type of [`crate::arrow::types`]; `Err` names a type that SQLite does not carry.
    pub fn new(data_type: &DataType) -> Result<Self, String> {
        Ok(match data_type {
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::UInt64 => Self::UInt64(UInt64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Decimal128(p, s) => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(data_type.clone()), *p, *s)
            }
            DataType::Decimal256(p, s) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(data_type.clone()), *p, *s)
            }
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(Time64MicrosecondBuilder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone()), zone.is_some())
            }
            other => return Err(format!("SQLite does not carry `{other}`")),
        })
    }

    /// Adds a value; `Err` says why it does not fit.
    pub fn push(&mut self, value: ValueRef<'_>) -> Result<(), String> {
        if matches!(value, ValueRef::Null) {
            self.push_null();
            return Ok(());
        }
        match self {
            Self::Bool(b) => b.append_value(match integer(value)? {
                0 => false,
                1 => true,
                other => return Err(format!("{other} is no boolean")),
            }),
            Self::Int16(b) => b.append_value(narrow(integer(value)?)?),
            Self::Int32(b) => b.append_value(narrow(integer(value)?)?),
            Self::Int64(b) => b.append_value(integer(value)?),
            Self::UInt64(b) => b.append_value(text(value)?.parse().map_err(|_| "no whole number".to_owned())?),
            #[expect(clippy::cast_possible_truncation, reason = "checked by going back")]
            Self::Float32(b) => {
                let wide = float(value)?;
                let narrow = wide as f32;
                if f64::from(narrow).to_bits() != wide.to_bits() && !wide.is_nan() {
                    return Err(format!("{wide} needs 64 bits"));
                }
                b.append_value(narrow);
            }
            Self::Float64(b) => b.append_value(float(value)?),
            Self::Decimal128(b, p, s) => b.append_value(decimal::<Decimal128Type>(value, *p, *s)?),
            Self::Decimal256(b, p, s) => b.append_value(decimal::<Decimal256Type>(value, *p, *s)?),
            Self::Text(b) => b.append_value(text(value)?),
            Self::Bytes(b) => b.append_value(match value {
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes,
                _ => return Err("no bytes".into()),
            }),
            Self::Date(b) => b.append_value(date(&text(value)?)?),
            Self::Time(b) => b.append_value(time(&text(value)?)?),
            Self::Timestamp(b, zoned) => b.append_value(timestamp(&text(value)?, *zoned)?),
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Self::Bool(b) => b.append_null(),
            Self::Int16(b) => b.append_null(),
            Self::Int32(b) => b.append_null(),
            Self::Int64(b) => b.append_null(),
            Self::UInt64(b) => b.append_null(),
            Self::Float32(b) => b.append_null(),
            Self::Float64(b) => b.append_null(),
            Self::Decimal128(b, ..) => b.append_null(),
            Self::Decimal256(b, ..) => b.append_null(),
            Self::Text(b) => b.append_null(),
            Self::Bytes(b) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::Time(b) => b.append_null(),
            Self::Timestamp(b, _) => b.append_null(),
        }
    }

    /// The column.
    pub fn finish(&mut self) -> ArrayRef {
        use std::sync::Arc;
        match self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Int16(b) => Arc::new(b.finish()),
            Self::Int32(b) => Arc::new(b.finish()),
            Self::Int64(b) => Arc::new(b.finish()),
            Self::UInt64(b) => Arc::new(b.finish()),
            Self::Float32(b) => Arc::new(b.finish()),
            Self::Float64(b) => Arc::new(b.finish()),
            Self::Decimal128(b, ..) => Arc::new(b.finish()),
            Self::Decimal256(b, ..) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
            Self::Bytes(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Timestamp(b, _) => Arc::new(b.finish()),
        }
    }
}

fn integer(value: ValueRef<'_>) -> Result<i64, String> {
    match value {
        ValueRef::Integer(number) => Ok(number),
        other => Err(format!("{} is no whole number", shown(other))),
    }
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T, String> {
    T::try_from(number).map_err(|_| format!("{number} is out of range"))
}

#[expect(clippy::cast_precision_loss, reason = "checked by going back")]
fn float(value: ValueRef<'_>) -> Result<f64, String> {
    match value {
        ValueRef::Real(number) => Ok(number),
        ValueRef::Integer(number) if number.unsigned_abs() <= 1 << 53 => Ok(number as f64),
        other => Err(format!("{} is no number", shown(other))),
    }
}

fn text(value: ValueRef<'_>) -> Result<String, String> {
    match value {
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "text that is not UTF-8".to_owned())
        }
        ValueRef::Integer(number) => Ok(number.to_string()),
        ValueRef::Real(number) => Ok(number.to_string()),
        other => Err(format!("{} is no text", shown(other))),
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => format!("'{}'", String::from_utf8_lossy(&bytes[..bytes.len().min(40)])),
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

/// Text with at most as many digits after the point as the type has, zeros aside.
fn decimal<T: datafusion::arrow::datatypes::DecimalType>(
    value: ValueRef<'_>,
    precision: u8,
    scale: i8,
) -> Result<T::Native, String> {
    let text = text(value)?;
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
    if fraction.len() > usize::from(scale.unsigned_abs()) || text.contains(['e', 'E', 'n', 'i', 'N', 'I']) {
        return Err(format!("{text} does not fit decimal({precision},{scale})"));
    }
    parse_decimal::<T>(&text, precision, scale).map_err(|_| format!("{text} does not fit decimal({precision},{scale})"))
}

fn date(text: &str) -> Result<i32, String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("'{text}' is no date"))?;
    Ok(Date32Type::from_naive_date(day))
}

fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is no time");
    let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").map_err(|_| wrong())?;
    if time.nanosecond() % 1000 != 0 {
        return Err(format!("'{text}' has more than six digits of a second"));
    }
    Ok(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1000))
}

fn timestamp(text: &str, zoned: bool) -> Result<i64, String> {
    let wrong = || format!("'{text}' is no {}", if zoned { "timestamptz" } else { "timestamp" });
    let spaced = text.replacen('T', " ", 1);
    let plain = spaced.strip_suffix('Z').or_else(|| spaced.strip_suffix("+00:00")).unwrap_or(&spaced);
    let when = NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(plain, "%Y-%m-%d %H:%M"))
        .or_else(|_| NaiveDate::parse_from_str(plain, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN)))
        .map_err(|_| wrong())?;
    if when.nanosecond() % 1000 != 0 {
        return Err(format!("'{text}' has more than six digits of a second"));
    }
    Ok(when.and_utc().timestamp_micros())
}

/// A value of an Arrow column as SQLite stores it; `Err` says why it cannot be carried.
pub fn value(array: &dyn Array, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Integer(i64::from(array.as_boolean().value(row))),
        DataType::Int16 => Value::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Value::Text(array.as_primitive::<UInt64Type>().value(row).to_string()),
        DataType::Float32 => real(array.as_primitive::<Float32Type>().value(row).into())?,
        DataType::Float64 => real(array.as_primitive::<Float64Type>().value(row))?,
        DataType::Decimal128(..) => Value::Text(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Decimal256(..) => Value::Text(array.as_primitive::<Decimal256Type>().value_as_string(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Blob(array.as_binary::<i32>().value(row).to_vec()),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            let day = Date32Type::to_naive_date_opt(days).ok_or("a date out of range")?;
            Value::Text(day.format("%Y-%m-%d").to_string())
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let us = array.as_primitive::<Time64MicrosecondType>().value(row);
            let time = u32::try_from(us / 1_000_000).ok().and_then(|s| {
                NaiveTime::from_num_seconds_from_midnight_opt(s, u32::try_from(us % 1_000_000).ok()? * 1000)
            });
            Value::Text(time.ok_or("a time out of range")?.format("%H:%M:%S%.6f").to_string())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let us = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let when = DateTime::from_timestamp_micros(us).ok_or("a timestamp out of range")?;
            let fraction = match us.rem_euclid(1_000_000) {
                0 => String::new(),
                part => format!(".{part:06}"),
            };
            let zone = if zone.is_some() { "Z" } else { "" };
            let text = format!("{}{fraction}{zone}", when.format("%Y-%m-%d %H:%M:%S"));
            Value::Text(text)
        }
        other => return Err(format!("SQLite does not carry `{other}`")),
    })
}

fn real(number: f64) -> Result<Value, String> {
    // SQLite stores NaN as NULL.
    if number.is_nan() { Err("SQLite cannot hold NaN".into()) } else { Ok(Value::Real(number)) }
}

/// What becomes of types, as [`kind`] and [`declared`] say it.
pub fn map() -> TypeMap {
    let names = [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "INTEGER",
        "BIGINT",
        "FLOAT",
        "REAL",
        "DOUBLE",
        "NUMERIC(10,2)",
        "DECIMAL",
        "TEXT",
        "VARCHAR(20)",
        "BLOB",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "DATETIME",
        "TIMESTAMPTZ",
        "JSON",
        "UUID",
        "any other",
    ];
    let reads = names.iter().map(|native| Read { native: (*native).into(), carried: kind(native), odd: vec![] });
    let declares = |kind: &ColumnType| {
        let refused = matches!(kind, ColumnType::Interval | ColumnType::List(_));
        (!refused).then(|| declared(kind))
    };
    TypeMap { reads: reads.collect(), declares: Some(declares), passes: false }
}
