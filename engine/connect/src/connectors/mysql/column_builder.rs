//! Collects one column's binary values.

use super::{decimal, types::Wire};
use crate::hub::policy::{Unrepresentable, ValueError};
use chrono::NaiveDate;
use datafusion::arrow::{
    array::{
        ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
        Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
        Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
    },
    datatypes::DataType,
};
use engine_language::column::ColumnType;

const DAY_US: i64 = 86_400_000_000;
/// More than MySQL's longest time has, `838:59:59`.
const MOST_DAYS: u32 = 99;

/// A column that grows.
pub enum Cells {
    Bool(BooleanBuilder),
    Int16(Int16Builder, Wire),
    Int32(Int32Builder, Wire),
    Int64(Int64Builder, Wire),
    UInt64(UInt64Builder, Wire),
    Float(Float32Builder),
    Double(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Cells {
    /// For values that look like `wire` and are carried as `column`.
    pub fn new(wire: &Wire, column: &ColumnType) -> Self {
        match (wire, column) {
            (Wire::Bool | Wire::Bit(1), _) => Self::Bool(BooleanBuilder::new()),
            (Wire::Int(..) | Wire::Year, ColumnType::SmallInt) => Self::Int16(Int16Builder::new(), wire.clone()),
            (Wire::Int(..), ColumnType::Int) => Self::Int32(Int32Builder::new(), wire.clone()),
            (Wire::Int(..), ColumnType::UBigInt) | (Wire::Bit(_), _) => {
                Self::UInt64(UInt64Builder::new(), wire.clone())
            }
            (Wire::Int(..) | Wire::Year | Wire::Whole, _) => Self::Int64(Int64Builder::new(), wire.clone()),
            (Wire::Float, _) => Self::Float(Float32Builder::new()),
            (Wire::Double, _) => Self::Double(Float64Builder::new()),
            (Wire::Decimal(p, s), _) if *p <= 38 => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(DataType::Decimal128(*p, *s)), *p, *s)
            }
            (Wire::Decimal(p, s), _) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(DataType::Decimal256(*p, *s)), *p, *s)
            }
            (Wire::Text | Wire::Char | Wire::Enum(_) | Wire::Set(_), _) => Self::Text(StringBuilder::new()),
            (Wire::Bytes | Wire::Binary(_), _) => Self::Bytes(BinaryBuilder::new()),
            (Wire::Date, _) => Self::Date(Date32Builder::new()),
            (Wire::Time(_), _) => Self::Time(Time64MicrosecondBuilder::new()),
            (Wire::DateTime(_) | Wire::Timestamp(_), ColumnType::TimestampTz) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            (Wire::DateTime(_) | Wire::Timestamp(_), _) => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Adds a value, or NULL, also for what may become NULL. `Err` says why it cannot be carried.
    pub fn push(
        &mut self,
        value: Option<&[u8]>,
        allow: impl FnOnce(Unrepresentable) -> bool,
    ) -> Result<(), ValueError> {
        let Some(value) = value else {
            self.push_null();
            return Ok(());
        };
        match self.add(value) {
            Err(ValueError::Unrepresentable(oddity, _)) if allow(oddity) => {
                self.push_null();
                Ok(())
            }
            added => added,
        }
    }

    /// Adds a value. What is refused leaves the column as it was.
    fn add(&mut self, value: &[u8]) -> Result<(), ValueError> {
        match self {
            Self::Bool(to) => to.append_value(boolean(value)?),
            Self::Int16(to, wire) => to.append_value(whole(value, wire)?.try_into().map_err(|_| wide())?),
            Self::Int32(to, wire) => to.append_value(whole(value, wire)?.try_into().map_err(|_| wide())?),
            Self::Int64(to, wire) => to.append_value(whole(value, wire)?),
            Self::UInt64(to, Wire::Bit(_)) => to.append_value(bits(value)?),
            Self::UInt64(to, _) => to.append_value(u64::from_le_bytes(fixed(value)?)),
            Self::Float(to) => to.append_value(f32::from_le_bytes(fixed(value)?)),
            Self::Double(to) => to.append_value(f64::from_le_bytes(fixed(value)?)),
            Self::Decimal128(to, p, s) => to.append_value(decimal::small(value, *p, *s)?),
            Self::Decimal256(to, p, s) => to.append_value(decimal::large(value, *p, *s)?),
            Self::Text(to) => to.append_value(std::str::from_utf8(value).map_err(|_| not_text(value))?),
            Self::Bytes(to) => to.append_value(value),
            Self::Date(to) => to.append_value(days(value)?),
            Self::Time(to) => to.append_value(time(value)?),
            Self::Timestamp(to) => to.append_value(instant(value)?),
        }
        Ok(())
    }

    /// Adds NULL.
    pub fn push_null(&mut self) {
        match self {
            Self::Bool(to) => to.append_null(),
            Self::Int16(to, _) => to.append_null(),
            Self::Int32(to, _) => to.append_null(),
            Self::Int64(to, _) => to.append_null(),
            Self::UInt64(to, _) => to.append_null(),
            Self::Float(to) => to.append_null(),
            Self::Double(to) => to.append_null(),
            Self::Decimal128(to, ..) => to.append_null(),
            Self::Decimal256(to, ..) => to.append_null(),
            Self::Text(to) => to.append_null(),
            Self::Bytes(to) => to.append_null(),
            Self::Date(to) => to.append_null(),
            Self::Time(to) => to.append_null(),
            Self::Timestamp(to) => to.append_null(),
        }
    }

    /// Takes what was collected.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(from) => ArrayBuilder::finish(from),
            Self::Int16(from, _) => ArrayBuilder::finish(from),
            Self::Int32(from, _) => ArrayBuilder::finish(from),
            Self::Int64(from, _) => ArrayBuilder::finish(from),
            Self::UInt64(from, _) => ArrayBuilder::finish(from),
            Self::Float(from) => ArrayBuilder::finish(from),
            Self::Double(from) => ArrayBuilder::finish(from),
            Self::Decimal128(from, ..) => ArrayBuilder::finish(from),
            Self::Decimal256(from, ..) => ArrayBuilder::finish(from),
            Self::Text(from) => ArrayBuilder::finish(from),
            Self::Bytes(from) => ArrayBuilder::finish(from),
            Self::Date(from) => ArrayBuilder::finish(from),
            Self::Time(from) => ArrayBuilder::finish(from),
            Self::Timestamp(from) => ArrayBuilder::finish(from),
        }
    }
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], String> {
    value.try_into().map_err(|_| format!("a value has {} bytes instead of {N}", value.len()))
}

fn wide() -> String {
    "a number is wider than its column".into()
}

fn not_text(value: &[u8]) -> ValueError {
    let begin = value[..value.len().min(64)].escape_ascii();
    ValueError::Unrepresentable(Unrepresentable::Utf8, format!("a text is not UTF-8; it begins with `{begin}`"))
}

/// 0 or 1: a `tinyint(1)` may hold 7.
fn boolean(value: &[u8]) -> Result<bool, String> {
    match value {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(format!("{} is no boolean", other.cast_signed())),
        _ => Err(format!("a boolean has {} bytes", value.len())),
    }
}

/// Any whole number but those of 64 bits without sign. What a server computes may be wider than what it comes from.
fn whole(value: &[u8], wire: &Wire) -> Result<i64, String> {
    let signed = matches!(wire, Wire::Int(_, true));
    Ok(match value.len() {
        _ if *wire == Wire::Whole => {
            let text = std::str::from_utf8(value).unwrap_or_default();
            text.parse().map_err(|_| format!("{} is no number of 64 bits", value.escape_ascii()))?
        }
        1 if signed => i8::from_le_bytes(fixed(value)?).into(),
        1 => u8::from_le_bytes(fixed(value)?).into(),
        2 if signed => i16::from_le_bytes(fixed(value)?).into(),
        2 => u16::from_le_bytes(fixed(value)?).into(),
        4 if signed => i32::from_le_bytes(fixed(value)?).into(),
        4 => u32::from_le_bytes(fixed(value)?).into(),
        _ => i64::from_le_bytes(fixed(value)?),
    })
}

/// Up to 64 bits, the first byte the highest.
fn bits(value: &[u8]) -> Result<u64, String> {
    if value.len() > 8 {
        return Err(format!("bits have {} bytes", value.len()));
    }
    Ok(value.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Days since 1970.
fn days(value: &[u8]) -> Result<i32, ValueError> {
    let (year, month, day) = match value {
        [0] => (0, 0, 0),
        [4 | 7 | 11, low, high, month, day, ..] => (u16::from_le_bytes([*low, *high]), *month, *day),
        _ => return Err(format!("a date has {} bytes", value.len()).into()),
    };
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    let wrong =
        || ValueError::Unrepresentable(Unrepresentable::ZeroDate, format!("{year:04}-{month:02}-{day:02} is no date"));
    let date = date.ok_or_else(wrong)?;
    Ok(date.signed_duration_since(NaiveDate::default()).num_days().try_into().expect("a year has at most four digits"))
}

/// Microseconds since 1970.
fn instant(value: &[u8]) -> Result<i64, ValueError> {
    let day = i64::from(days(value)?) * DAY_US;
    let part = match value {
        [4, rest @ ..] if rest.len() == 4 => return Ok(day),
        [7, rest @ ..] if rest.len() == 7 => 0,
        [11, rest @ ..] if rest.len() == 11 => u32::from_le_bytes(fixed(&rest[7..])?),
        _ => return Err(format!("a timestamp has {} bytes", value.len()).into()),
    };
    Ok(day + clock_us(&value[5..8])? + i64::from(part))
}

fn clock_us(clock: &[u8]) -> Result<i64, String> {
    let [hour, minute, second] = fixed::<3>(clock)?.map(i64::from);
    Ok(((hour * 60 + minute) * 60 + second) * 1_000_000)
}

/// Microseconds of a day. MySQL's `time` is a duration, which may be longer, or negative.
fn time(value: &[u8]) -> Result<i64, ValueError> {
    let part = match value {
        [0] => return Ok(0),
        [8, rest @ ..] if rest.len() == 8 => 0,
        [12, rest @ ..] if rest.len() == 12 => u32::from_le_bytes(fixed(&rest[8..])?),
        _ => return Err(format!("a time has {} bytes", value.len()).into()),
    };
    let days = u32::from_le_bytes(fixed(&value[2..6])?);
    if days > MOST_DAYS {
        return Err(format!("a time has {days} days").into());
    }
    let us = i64::from(days) * DAY_US + clock_us(&value[6..9])? + i64::from(part);
    if value[1] != 0 || us >= DAY_US {
        let (seconds, sign) = (us / 1_000_000, if value[1] == 0 { "" } else { "-" });
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let why = format!("{sign}{hours:02}:{minutes:02}:{:02} is no time of a day", seconds % 60);
        return Err(ValueError::Unrepresentable(Unrepresentable::Range, why));
    }
    Ok(us)
}
