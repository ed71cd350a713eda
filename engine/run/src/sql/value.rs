//! One value of a column, for functions that work row by row.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{failed::failed, interval::Interval, kind::Kind, numeric::Numeric};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
            Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder,
            StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, new_null_array,
        },
        compute::cast,
        datatypes::{
            DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
            Int64Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
            TimestampMicrosecondType, TimestampNanosecondType, UInt64Type, i256,
        },
    },
    error::Result,
};
use num_bigint::BigInt;
use std::sync::Arc;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL
    Null,
    /// `boolean`
    Bool(bool),
    /// Whole numbers of any size up to `bigint`
    Int(i64),
    /// `numeric`
    Numeric(Numeric),
    /// `real` and `double precision`
    Float(f64),
    /// `text`
    Text(String),
    /// Days since 1970
    Date(i64),
    /// Microseconds since midnight
    Time(i64),
    /// Microseconds since 1970, by the clock on the wall
    Timestamp(i64),
    /// Microseconds since 1970 in UTC
    TimestampTz(i64),
    /// `interval`
    Interval(Interval),
}

/// A column whose values can be read one by one.
#[derive(Debug)]
pub struct Column {
    array: ArrayRef,
    constant: bool,
}

impl Column {
    /// Of an array, or of one value for all rows.
    pub fn new(array: &ArrayRef, constant: bool) -> Result<Self> {
        let plain = plain(array.data_type());
        let array = if plain == *array.data_type() { array.clone() } else { cast(array, &plain)? };
        Ok(Self { array, constant })
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> Result<Value> {
        let row = if self.constant { 0 } else { row };
        if self.array.is_null(row) {
            return Ok(Value::Null);
        }
        let array = self.array.as_ref();
        Ok(match array.data_type() {
            DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
            DataType::Int16 => Value::Int(array.as_primitive::<Int16Type>().value(row).into()),
            DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
            DataType::UInt64 => Value::Numeric(array.as_primitive::<UInt64Type>().value(row).into()),
            DataType::Decimal128(_, scale) => {
                Value::Numeric(Numeric::new(array.as_primitive::<Decimal128Type>().value(row), *scale))
            }
            DataType::Decimal256(_, scale) => {
                Value::Numeric(Numeric::wide(array.as_primitive::<Decimal256Type>().value(row), *scale))
            }
            DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
            DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row).into()),
            DataType::Time64(TimeUnit::Microsecond) => {
                Value::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
            }
            DataType::Time64(TimeUnit::Nanosecond) => {
                Value::Time(micros(array.as_primitive::<Time64NanosecondType>().value(row))?)
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                instant(array.as_primitive::<TimestampMicrosecondType>().value(row), zone.is_some())
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                instant(micros(array.as_primitive::<TimestampNanosecondType>().value(row))?, zone.is_some())
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Value::Interval(Interval::from_arrow(array.as_primitive::<IntervalMonthDayNanoType>().value(row)))
            }
            other => return Err(failed(format!("values of {other} are not supported here"))),
        })
    }
}

fn instant(us: i64, zoned: bool) -> Value {
    if zoned { Value::TimestampTz(us) } else { Value::Timestamp(us) }
}

fn micros(ns: i64) -> Result<i64> {
    if ns % 1000 != 0 {
        return Err(failed(
            "a time has more than six digits of a second: round it first, `date_trunc('microseconds', x)`",
        ));
    }
    Ok(ns / 1000)
}

/// The type as which values are read.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => DataType::Decimal128(*p, *s),
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Dictionary(_, value) => plain(value),
        other => other.clone(),
    }
}

/// Makes a column of a type out of values; a value that does not fit is an error.
pub fn column(values: impl Iterator<Item = Result<Value>>, data_type: &DataType) -> Result<ArrayRef> {
    macro_rules! build {
        ($builder:expr, $value:ident => $read:expr) => {{
            let mut builder = $builder;
            for $value in values {
                match $value? {
                    Value::Null => builder.append_null(),
                    $value => builder.append_value($read),
                }
            }
            Arc::new(builder.finish())
        }};
    }
    Ok(match data_type {
        DataType::Boolean => build!(BooleanBuilder::new(), value => as_bool(value)?),
        DataType::Int16 => build!(Int16Builder::new(), value => whole(value, Kind::Int2)?),
        DataType::Int32 => build!(Int32Builder::new(), value => whole(value, Kind::Int4)?),
        DataType::Int64 => build!(Int64Builder::new(), value => whole(value, Kind::Int8)?),
        DataType::Float32 => build!(Float32Builder::new(), value => single(as_float(value)?)?),
        DataType::Float64 => build!(Float64Builder::new(), value => as_float(value)?),
        DataType::Utf8 => build!(StringBuilder::new(), value => as_text(value)?),
        DataType::Decimal128(p, s) => {
            build!(Decimal128Builder::new().with_data_type(data_type.clone()), value => decimal128(value, *p, *s)?)
        }
        DataType::Decimal256(p, s) => {
            build!(Decimal256Builder::new().with_data_type(data_type.clone()), value => decimal256(value, *p, *s)?)
        }
        DataType::Date32 => build!(Date32Builder::new(), value => days(value)?),
        DataType::Time64(TimeUnit::Microsecond) => build!(Time64MicrosecondBuilder::new(), value => time(value)?),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            build!(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()), value => time(value)?)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            build!(IntervalMonthDayNanoBuilder::new(), value => as_interval(value)?.to_arrow()?)
        }
        DataType::Null => new_null_array(data_type, values.count()),
        DataType::Utf8View => cast(&column(values, &DataType::Utf8)?, data_type)?,
        other => return Err(failed(format!("values of {other} are not supported here"))),
    })
}

fn unfit(value: &Value) -> datafusion::error::DataFusionError {
    failed(format!("a value does not have the type of its column: {value:?}"))
}

fn as_bool(value: Value) -> Result<bool> {
    match value {
        Value::Bool(value) => Ok(value),
        other => Err(unfit(&other)),
    }
}

fn as_float(value: Value) -> Result<f64> {
    match value {
        Value::Float(value) => Ok(value),
        Value::Int(value) => Ok(value as f64),
        Value::Numeric(value) => Ok(value.to_f64()),
        other => Err(unfit(&other)),
    }
}

fn single(value: f64) -> Result<f32> {
    let single = value as f32;
    if single.is_infinite() && value.is_finite() {
        return Err(failed("value out of range: overflow"));
    }
    Ok(single)
}

fn as_text(value: Value) -> Result<String> {
    match value {
        Value::Text(value) => Ok(value),
        other => Err(unfit(&other)),
    }
}

fn as_interval(value: Value) -> Result<Interval> {
    match value {
        Value::Interval(value) => Ok(value),
        other => Err(unfit(&other)),
    }
}

fn whole<N: TryFrom<i64>>(value: Value, kind: Kind) -> Result<N> {
    let value = match value {
        Value::Int(value) => Some(value),
        Value::Numeric(value) => value.to_i64(),
        other => return Err(unfit(&other)),
    };
    value.and_then(|value| N::try_from(value).ok()).ok_or_else(|| out_of_range(kind))
}

/// The error of a number that its type does not hold.
pub fn out_of_range(kind: Kind) -> datafusion::error::DataFusionError {
    failed(format!("{kind} out of range"))
}

fn days(value: Value) -> Result<i32> {
    match value {
        Value::Date(days) => i32::try_from(days).map_err(|_| failed("date out of range")),
        other => Err(unfit(&other)),
    }
}

fn time(value: Value) -> Result<i64> {
    match value {
        Value::Time(us) | Value::Timestamp(us) | Value::TimestampTz(us) => Ok(us),
        other => Err(unfit(&other)),
    }
}

/// The digits of a number at a column's scale. What has more digits behind its point than any column of ours is rounded
/// there; in another column it must fit.
fn placed(value: Value, precision: u8, scale: i8) -> Result<BigInt> {
    let number = match value {
        Value::Numeric(number) => number,
        Value::Int(number) => Numeric::from(number),
        other => return Err(unfit(&other)),
    };
    let places = u32::try_from(scale).unwrap_or(0);
    let variable = places >= u32::from(super::kind::VARIABLE_SCALE);
    let digits = match number.exactly_at(places) {
        Some(digits) => digits,
        None if variable => number.round(i64::from(places)).digits,
        None => return Err(failed(format!("the numeric {number} has more than {scale} digits behind its point"))),
    };
    if digits.magnitude() >= super::numeric::power_of_ten(u32::from(precision)).magnitude() {
        return Err(failed(format!(
            "numeric field overflow: {number} has more than {precision} digits, {scale} of them behind its point"
        )));
    }
    Ok(digits)
}

fn decimal128(value: Value, precision: u8, scale: i8) -> Result<i128> {
    let digits = placed(value, precision, scale)?;
    i128::try_from(&digits).map_err(|_| out_of_range(Kind::Numeric))
}

fn decimal256(value: Value, precision: u8, scale: i8) -> Result<i256> {
    let digits = placed(value, precision, scale)?;
    let mut bytes = if digits.sign() == num_bigint::Sign::Minus { [255; 32] } else { [0; 32] };
    let signed = digits.to_signed_bytes_le();
    let room = bytes.get_mut(..signed.len()).ok_or_else(|| out_of_range(Kind::Numeric))?;
    room.copy_from_slice(&signed);
    Ok(i256::from_le_bytes(bytes))
}
