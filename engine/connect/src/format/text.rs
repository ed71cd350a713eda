//! Text fields into Arrow columns of declared types: every value exactly, or a reason why not.

use chrono::Utc;
use datafusion::arrow::{
    array::{
        ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
        Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
        TimestampMicrosecondBuilder, UInt64Builder,
    },
    compute::kernels::cast_utils::{parse_decimal, string_to_datetime},
    datatypes::{Decimal128Type, Decimal256Type, i256},
    error::ArrowError,
};
use engine_language::column::ColumnType;
use std::sync::Arc;

/// A field's value, not yet in a column: a row is looked at as a whole before any of it is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// `bool`
    Bool(bool),
    /// Whole numbers with a sign; days for dates, microseconds for times.
    Int(i64),
    /// `ubigint`
    UInt(u64),
    /// `float`
    Float(f32),
    /// `double`
    Double(f64),
    /// `decimal` of up to 38 digits.
    Decimal(i128),
    /// `decimal` of more.
    Wide(i256),
    /// Everything that is carried as text.
    Text(&'a str),
    /// `bytes`
    Bytes(&'a [u8]),
}

/// The field as a value of this type; `None` if it is not exactly one. Blanks around what is not a text do not count.
pub fn parse<'a>(text: &'a str, kind: &ColumnType) -> Option<Cell<'a>> {
    let text = if matches!(kind, ColumnType::Text(_) | ColumnType::Json) { text } else { text.trim_matches(' ') };
    Some(match kind {
        ColumnType::Bool => match text {
            "true" | "TRUE" | "True" | "t" | "1" => Cell::Bool(true),
            "false" | "FALSE" | "False" | "f" | "0" => Cell::Bool(false),
            _ => return None,
        },
        ColumnType::SmallInt => Cell::Int(text.parse::<i16>().ok()?.into()),
        ColumnType::Int => Cell::Int(text.parse::<i32>().ok()?.into()),
        ColumnType::BigInt => Cell::Int(text.parse().ok()?),
        ColumnType::UBigInt => Cell::UInt(text.parse().ok()?),
        ColumnType::Float => Cell::Float(text.parse().ok().filter(|n: &f32| n.is_finite() || endless(text))?),
        ColumnType::Double => Cell::Double(text.parse().ok().filter(|n: &f64| n.is_finite() || endless(text))?),
        ColumnType::Decimal(precision, scale) => decimal(text, *precision, *scale)?,
        ColumnType::Text(Some(most)) if text.chars().count() > *most as usize => return None,
        ColumnType::Text(_) => Cell::Text(text),
        ColumnType::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            Cell::Text(text)
        }
        ColumnType::Uuid => Cell::Text(Some(text).filter(|text| uuid(text))?),
        ColumnType::Date => Cell::Int(days(text)?),
        ColumnType::Time => Cell::Int(time_of_day(text)?),
        ColumnType::Timestamp => Cell::Int(Some(text).filter(|text| !shifted(text)).and_then(instant)?),
        ColumnType::TimestampTz => Cell::Int(instant(text)?),
        ColumnType::Bytes | ColumnType::Interval | ColumnType::List(_) => return None,
    })
}

/// Whether the words stand for what has no digits: infinities and not-a-number.
fn endless(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_digit())
}

fn uuid(text: &str) -> bool {
    let hyphen = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    text.len() == 36 && text.bytes().enumerate().all(|(i, b)| if hyphen(i) { b == b'-' } else { b.is_ascii_hexdigit() })
}

fn days(text: &str) -> Option<i64> {
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some((date - chrono::NaiveDate::default()).num_days())
}

fn time_of_day(text: &str) -> Option<i64> {
    let time = chrono::NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()?;
    let since = (time - chrono::NaiveTime::MIN).num_nanoseconds()?;
    (since % 1000 == 0).then_some(since / 1000)
}

/// A time with at most six digits of a second.
fn instant(text: &str) -> Option<i64> {
    let time = string_to_datetime(&Utc, text).ok()?;
    (time.timestamp_subsec_nanos() % 1000 == 0).then(|| time.timestamp_micros())
}

/// A decimal with no more digits after the point than the type has, zeros aside.
fn decimal(text: &str, precision: u8, scale: i8) -> Option<Cell<'static>> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
    if !plain || fraction.len() > usize::from(scale.unsigned_abs()) {
        return None;
    }
    if precision <= 38 {
        parse_decimal::<Decimal128Type>(text, precision, scale).ok().map(Cell::Decimal)
    } else {
        parse_decimal::<Decimal256Type>(text, precision, scale).ok().map(Cell::Wide)
    }
}

/// Whether a time has an offset other than none: without its zone it would be another time.
fn shifted(text: &str) -> bool {
    let clock = text.get(10..).unwrap_or_default();
    clock.contains(['+', '-']) && !clock.ends_with("+00:00") && !clock.ends_with("+00")
}

/// A column that is being built.
#[derive(Debug)]
pub enum Column {
    /// `bool`
    Bool(BooleanBuilder),
    /// `smallint`
    SmallInt(Int16Builder),
    /// `int`
    Int(Int32Builder),
    /// `bigint`
    BigInt(Int64Builder),
    /// `ubigint`
    UBigInt(UInt64Builder),
    /// `float`
    Float(Float32Builder),
    /// `double`
    Double(Float64Builder),
    /// `decimal` of up to 38 digits
    Decimal(Decimal128Builder),
    /// `decimal` of more
    Wide(Decimal256Builder),
    /// What is carried as text
    Text(StringBuilder),
    /// `date`
    Date(Date32Builder),
    /// `time`
    Time(Time64MicrosecondBuilder),
    /// `timestamp` and `timestamptz`
    Timestamp(TimestampMicrosecondBuilder),
    /// `bytes`
    Bytes(BinaryBuilder),
}

impl Column {
    /// An empty one; `None` if values of this type are not written as text.
    pub fn new(kind: &ColumnType) -> Option<Self> {
        Some(match kind {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::SmallInt => Self::SmallInt(Int16Builder::new()),
            ColumnType::Int => Self::Int(Int32Builder::new()),
            ColumnType::BigInt => Self::BigInt(Int64Builder::new()),
            ColumnType::UBigInt => Self::UBigInt(UInt64Builder::new()),
            ColumnType::Float => Self::Float(Float32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Decimal(p, s) if *p <= 38 => {
                Self::Decimal(Decimal128Builder::new().with_precision_and_scale(*p, *s).ok()?)
            }
            ColumnType::Decimal(p, s) => Self::Wide(Decimal256Builder::new().with_precision_and_scale(*p, *s).ok()?),
            ColumnType::Text(_) | ColumnType::Json | ColumnType::Uuid => Self::Text(StringBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Time => Self::Time(Time64MicrosecondBuilder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            ColumnType::TimestampTz => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnType::Bytes | ColumnType::Interval | ColumnType::List(_) => return None,
        })
    }

    /// An empty one; `None` if no message has values of this type.
    pub fn of_messages(kind: &ColumnType) -> Option<Self> {
        if *kind == ColumnType::Bytes { Some(Self::Bytes(BinaryBuilder::new())) } else { Self::new(kind) }
    }

    /// Adds a value that [`parse`] gave for the column's own type.
    pub fn push(&mut self, cell: Cell<'_>) -> Result<(), ArrowError> {
        let whole = |n: i64| ArrowError::InvalidArgumentError(format!("{n} does not fit its column"));
        match (self, cell) {
            (Self::Bool(to), Cell::Bool(value)) => to.append_value(value),
            (Self::SmallInt(to), Cell::Int(n)) => to.append_value(n.try_into().map_err(|_| whole(n))?),
            (Self::Int(to), Cell::Int(n)) => to.append_value(n.try_into().map_err(|_| whole(n))?),
            (Self::BigInt(to), Cell::Int(n)) => to.append_value(n),
            (Self::UBigInt(to), Cell::UInt(n)) => to.append_value(n),
            (Self::Float(to), Cell::Float(n)) => to.append_value(n),
            (Self::Double(to), Cell::Double(n)) => to.append_value(n),
            (Self::Decimal(to), Cell::Decimal(n)) => to.append_value(n),
            (Self::Wide(to), Cell::Wide(n)) => to.append_value(n),
            (Self::Text(to), Cell::Text(text)) => to.append_value(text),
            (Self::Date(to), Cell::Int(n)) => to.append_value(n.try_into().map_err(|_| whole(n))?),
            (Self::Time(to), Cell::Int(n)) => to.append_value(n),
            (Self::Timestamp(to), Cell::Int(n)) => to.append_value(n),
            (Self::Bytes(to), Cell::Bytes(bytes)) => to.append_value(bytes),
            (column, Cell::Null) => column.push_null(),
            (column, cell) => {
                return Err(ArrowError::InvalidArgumentError(format!("{cell:?} is not for {column:?}")));
            }
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Self::Bool(to) => to.append_null(),
            Self::SmallInt(to) => to.append_null(),
            Self::Int(to) => to.append_null(),
            Self::BigInt(to) => to.append_null(),
            Self::UBigInt(to) => to.append_null(),
            Self::Float(to) => to.append_null(),
            Self::Double(to) => to.append_null(),
            Self::Decimal(to) => to.append_null(),
            Self::Wide(to) => to.append_null(),
            Self::Text(to) => to.append_null(),
            Self::Date(to) => to.append_null(),
            Self::Time(to) => to.append_null(),
            Self::Timestamp(to) => to.append_null(),
            Self::Bytes(to) => to.append_null(),
        }
    }

    /// What was added since the last time.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(from) => Arc::new(from.finish()),
            Self::SmallInt(from) => Arc::new(from.finish()),
            Self::Int(from) => Arc::new(from.finish()),
            Self::BigInt(from) => Arc::new(from.finish()),
            Self::UBigInt(from) => Arc::new(from.finish()),
            Self::Float(from) => Arc::new(from.finish()),
            Self::Double(from) => Arc::new(from.finish()),
            Self::Decimal(from) => Arc::new(from.finish()),
            Self::Wide(from) => Arc::new(from.finish()),
            Self::Text(from) => Arc::new(from.finish()),
            Self::Date(from) => Arc::new(from.finish()),
            Self::Time(from) => Arc::new(from.finish()),
            Self::Timestamp(from) => Arc::new(from.finish()),
            Self::Bytes(from) => Arc::new(from.finish()),
        }
    }
}
