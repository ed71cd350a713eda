//! Collects one column's binary values.

use super::{numeric, types::Wire};
use crate::hub::policy::{Unrepresentable, ValueError};
use datafusion::arrow::{
    array::{
        ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
        Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder,
        ListArray, NullBufferBuilder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
        UInt64Builder,
    },
    buffer::{OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field, IntervalMonthDayNano},
};
use std::{fmt::Write, sync::Arc};

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's time begins.
pub const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub const EPOCH_US: i64 = 946_684_800_000_000;
const DAY_US: i64 = 86_400_000_000;

/// A column that grows.
pub enum Cells {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Unsigned(UInt64Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    Jsonb(StringBuilder),
    Uuid(StringBuilder),
    Bytes(BinaryBuilder),
    /// An array's own bytes, which may say that there are NULLs where there are none any more.
    Array(BinaryBuilder, Vec<u8>),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder, bool),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<List>),
}

/// Whether a value of this kind becomes NULL, which is counted then.
pub type Allow<'a> = &'a mut dyn FnMut(Unrepresentable) -> bool;

/// A column of lists that grows.
pub struct List {
    items: Cells,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Cells {
    /// For values that look like this.
    pub fn new(wire: &Wire) -> Self {
        match wire {
            Wire::Bool => Self::Bool(BooleanBuilder::new()),
            Wire::Int2 => Self::Int2(Int16Builder::new()),
            Wire::Int4 => Self::Int4(Int32Builder::new()),
            Wire::Int8 => Self::Int8(Int64Builder::new()),
            Wire::Unsigned => Self::Unsigned(UInt64Builder::new()),
            Wire::Float4 => Self::Float4(Float32Builder::new()),
            Wire::Float8 => Self::Float8(Float64Builder::new()),
            Wire::Numeric(p, s) if *p <= 38 => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(DataType::Decimal128(*p, *s)), *p, *s)
            }
            Wire::Numeric(p, s) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(DataType::Decimal256(*p, *s)), *p, *s)
            }
            Wire::Text => Self::Text(StringBuilder::new()),
            Wire::Jsonb => Self::Jsonb(StringBuilder::new()),
            Wire::Uuid => Self::Uuid(StringBuilder::new()),
            Wire::Bytes | Wire::Raw => Self::Bytes(BinaryBuilder::new()),
            Wire::RawArray => Self::Array(BinaryBuilder::new(), vec![]),
            Wire::Date => Self::Date(Date32Builder::new()),
            Wire::Time => Self::Time(Time64MicrosecondBuilder::new()),
            Wire::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new(), false),
            Wire::TimestampTz => Self::Timestamp(TimestampMicrosecondBuilder::new(), true),
            Wire::Interval => Self::Interval(IntervalMonthDayNanoBuilder::new()),
            Wire::List(item, _) => {
                Self::List(Box::new(List { items: Self::new(item), ends: vec![0], nulls: NullBufferBuilder::new(0) }))
            }
        }
    }

    /// Adds a value, or NULL, also for what may become NULL. `Err` says why it cannot be carried.
    pub fn push(&mut self, value: Option<&[u8]>, allow: Allow<'_>) -> Result<(), ValueError> {
        let Some(value) = value else {
            self.push_null();
            return Ok(());
        };
        match self.add(value, allow) {
            Err(ValueError::Unrepresentable(oddity, _)) if allow(oddity) => {
                self.push_null();
                Ok(())
            }
            added => added,
        }
    }

    /// Adds a value. What is odd as a whole leaves the column as it was.
    fn add(&mut self, value: &[u8], allow: Allow<'_>) -> Result<(), ValueError> {
        match self {
            Self::Bool(to) => to.append_value(fixed::<1>(value)?[0] != 0),
            Self::Int2(to) => to.append_value(i16::from_be_bytes(fixed(value)?)),
            Self::Int4(to) => to.append_value(i32::from_be_bytes(fixed(value)?)),
            Self::Int8(to) => to.append_value(i64::from_be_bytes(fixed(value)?)),
            Self::Unsigned(to) => {
                let number = u64::try_from(numeric::decode(value, 20, 0)?).ok();
                let why = || {
                    ValueError::Unrepresentable(
                        Unrepresentable::Digits,
                        "the number is not one of 64 bits without sign".into(),
                    )
                };
                to.append_value(number.ok_or_else(why)?);
            }
            Self::Float4(to) => to.append_value(f32::from_be_bytes(fixed(value)?)),
            Self::Float8(to) => to.append_value(f64::from_be_bytes(fixed(value)?)),
            Self::Decimal128(to, p, s) => to.append_value(numeric::decode(value, *p, *s)?),
            Self::Decimal256(to, p, s) => to.append_value(numeric::decode_wide(value, *p, *s)?),
            Self::Text(to) => to.append_value(text(value)?),
            Self::Jsonb(to) => match value.split_first() {
                Some((1, value)) => to.append_value(text(value)?),
                _ => return Err("jsonb of a version that is not known".into()),
            },
            Self::Uuid(to) => {
                uuid(fixed(value)?, to);
                to.append_value("");
            }
            Self::Bytes(to) => to.append_value(value),
            Self::Array(to, bytes) => {
                told_nulls(value, bytes)?;
                to.append_value(bytes);
            }
            Self::Date(to) => to.append_value(date(i32::from_be_bytes(fixed(value)?))?),
            Self::Time(to) => match i64::from_be_bytes(fixed(value)?) {
                DAY_US.. => {
                    return Err(ValueError::Unrepresentable(
                        Unrepresentable::Midnight,
                        "24:00:00 is no time of a day".into(),
                    ));
                }
                time => to.append_value(time),
            },
            Self::Timestamp(to, _) => to.append_value(timestamp(i64::from_be_bytes(fixed(value)?))?),
            Self::Interval(to) => to.append_value(interval(fixed(value)?)?),
            Self::List(to) => to.push(value, allow)?,
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match self {
            Self::Bool(to) => to.append_null(),
            Self::Int2(to) => to.append_null(),
            Self::Int4(to) => to.append_null(),
            Self::Int8(to) => to.append_null(),
            Self::Unsigned(to) => to.append_null(),
            Self::Float4(to) => to.append_null(),
            Self::Float8(to) => to.append_null(),
            Self::Decimal128(to, ..) => to.append_null(),
            Self::Decimal256(to, ..) => to.append_null(),
            Self::Text(to) | Self::Jsonb(to) | Self::Uuid(to) => to.append_null(),
            Self::Bytes(to) | Self::Array(to, _) => to.append_null(),
            Self::Date(to) => to.append_null(),
            Self::Time(to) => to.append_null(),
            Self::Timestamp(to, _) => to.append_null(),
            Self::Interval(to) => to.append_null(),
            Self::List(to) => {
                to.nulls.append_null();
                to.ends.push(to.ends.last().copied().unwrap_or(0));
            }
        }
    }

    /// Takes what was collected.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(from) => ArrayBuilder::finish(from),
            Self::Int2(from) => ArrayBuilder::finish(from),
            Self::Int4(from) => ArrayBuilder::finish(from),
            Self::Int8(from) => ArrayBuilder::finish(from),
            Self::Unsigned(from) => ArrayBuilder::finish(from),
            Self::Float4(from) => ArrayBuilder::finish(from),
            Self::Float8(from) => ArrayBuilder::finish(from),
            Self::Decimal128(from, ..) => ArrayBuilder::finish(from),
            Self::Decimal256(from, ..) => ArrayBuilder::finish(from),
            Self::Text(from) | Self::Jsonb(from) | Self::Uuid(from) => ArrayBuilder::finish(from),
            Self::Bytes(from) | Self::Array(from, _) => ArrayBuilder::finish(from),
            Self::Date(from) => ArrayBuilder::finish(from),
            Self::Time(from) => ArrayBuilder::finish(from),
            Self::Timestamp(from, zone) => {
                let array = from.finish();
                Arc::new(if *zone { array.with_timezone("UTC") } else { array })
            }
            Self::Interval(from) => ArrayBuilder::finish(from),
            Self::List(from) => from.finish(),
        }
    }
}

impl List {
    /// Dimensions, whether there are NULLs, the items' type; each dimension's size and first index; the items.
    fn push(&mut self, value: &[u8], allow: Allow<'_>) -> Result<(), ValueError> {
        let odd = |why: String| Err(ValueError::Unrepresentable(Unrepresentable::Dimensions, why));
        let cut = "the array is cut off";
        let int = |at: usize| value.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|b| i32::from_be_bytes(*b));
        let count = match int(0).ok_or(cut)? {
            0 => 0,
            1 if int(16).ok_or(cut)? == 1 => int(12).ok_or(cut)?,
            1 => return odd("an array that does not begin at 1 cannot be carried".into()),
            2..=6 => return odd(format!("an array of {} dimensions cannot be carried", int(0).ok_or(cut)?)),
            more => return Err(format!("an array of {more} dimensions").into()),
        };
        let mut at = if count == 0 { value.len() } else { 20 };
        for _ in 0..count {
            let size = int(at).ok_or(cut)?;
            at += 4;
            let item = match usize::try_from(size) {
                Ok(size) => Some(value.get(at..at + size).ok_or(cut)?),
                Err(_) => None,
            };
            at += item.map_or(0, <[u8]>::len);
            self.items.push(item, allow)?;
        }
        if at != value.len() {
            return Err("the array is too long".into());
        }
        self.nulls.append_non_null();
        self.ends.push(self.ends.last().copied().unwrap_or(0) + count);
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let items = self.items.finish();
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        Arc::new(ListArray::new(field, OffsetBuffer::new(ScalarBuffer::from(ends)), items, self.nulls.finish()))
    }
}

/// Copies an array's bytes, with the mark for NULLs only where there is one.
fn told_nulls(value: &[u8], to: &mut Vec<u8>) -> Result<(), ValueError> {
    let int = |at: usize| value.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|b| i32::from_be_bytes(*b));
    let cut = "the array is cut off";
    let dimensions = usize::try_from(int(0).ok_or(cut)?).ok().filter(|n| *n <= 6).ok_or(cut)?;
    let (mut at, mut nulls) = (12 + 8 * dimensions, 0_i32);
    while at < value.len() {
        let size = int(at).ok_or(cut)?;
        at += 4 + usize::try_from(size).unwrap_or(0);
        nulls |= i32::from(size < 0);
    }
    to.clear();
    to.extend_from_slice(value);
    to.get_mut(4..8).ok_or(cut)?.copy_from_slice(&nulls.to_be_bytes());
    Ok(())
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], ValueError> {
    value.try_into().map_err(|_| format!("a value has {} bytes instead of {N}", value.len()).into())
}

fn text(value: &[u8]) -> Result<&str, ValueError> {
    std::str::from_utf8(value)
        .map_err(|_| ValueError::Unrepresentable(Unrepresentable::Utf8, "a text is not UTF-8".into()))
}

fn uuid(value: [u8; 16], to: &mut StringBuilder) {
    let number = u128::from_be_bytes(value);
    let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
    write!(
        to,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 32),
        part(80, 16),
        part(64, 16),
        part(48, 16),
        part(0, 48)
    )
    .expect("writing into memory does not fail");
}

fn date(value: i32) -> Result<i32, ValueError> {
    match value {
        i32::MIN | i32::MAX => {
            Err(ValueError::Unrepresentable(Unrepresentable::Infinity, "an infinite date cannot be carried".into()))
        }
        value => value.checked_add(EPOCH_DAYS).ok_or_else(|| far("the date")),
    }
}

fn timestamp(value: i64) -> Result<i64, ValueError> {
    match value {
        i64::MIN | i64::MAX => Err(ValueError::Unrepresentable(
            Unrepresentable::Infinity,
            "an infinite timestamp cannot be carried".into(),
        )),
        value => value.checked_add(EPOCH_US).ok_or_else(|| far("the timestamp")),
    }
}

fn far(what: &str) -> ValueError {
    ValueError::Unrepresentable(Unrepresentable::Range, format!("{what} is too far away"))
}

fn interval(value: [u8; 16]) -> Result<IntervalMonthDayNano, ValueError> {
    let number = u128::from_be_bytes(value);
    let part = |shift: u32| u32::try_from((number >> shift) & 0xffff_ffff).expect("32 bits were taken").cast_signed();
    let (time, days, months) = (i64::from_be_bytes(fixed(&value[..8])?), part(32), part(0));
    if [(i64::MIN, i32::MIN), (i64::MAX, i32::MAX)].iter().any(|(t, d)| (time, days, months) == (*t, *d, *d)) {
        return Err(ValueError::Unrepresentable(
            Unrepresentable::Infinity,
            "an infinite interval cannot be carried".into(),
        ));
    }
    let long =
        || ValueError::Unrepresentable(Unrepresentable::Range, "the interval is too long for nanoseconds".into());
    Ok(IntervalMonthDayNano::new(months, days, time.checked_mul(1000).ok_or_else(long)?))
}
