//! The overloads of each operator.

#![expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::moments;
use crate::sql::{
    failed::failed,
    function::{Gives, Overload},
    kind::{
        Kind::{self, Date, Float4, Float8, Int2, Int4, Int8, Interval, Numeric, Time, Timestamp, TimestampTz},
        VARIABLE_SCALE, decimal, digits,
    },
    numeric::Numeric as Number,
    session_zone::Zone,
    value::{Value, out_of_range},
};
use datafusion::{arrow::datatypes::DataType, error::Result};

macro_rules! overloads {
    ($name:ident: $($takes:expr => $gives:expr, $run:expr;)*) => {
        pub static $name: &[Overload] = &[$(Overload { takes: &$takes, gives: $gives, run: $run }),*];
    };
}

const fn of(kind: Kind) -> Gives {
    Gives::Kind(kind)
}

const SUM: Gives = Gives::Typed(sum_type);
const PRODUCT: Gives = Gives::Typed(product_type);
const QUOTIENT: Gives = Gives::Typed(quotient_type);
const REMAINDER: Gives = Gives::Typed(remainder_type);
const POWERED: Gives = Gives::Typed(power_type);
const SAME: Gives = Gives::Typed(|types| {
    let (whole, scale) = digits(&types[0]);
    decimal(whole, scale)
});

overloads! { PLUS:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, i64::checked_add);
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, i64::checked_add);
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, i64::checked_add);
    [Numeric, Numeric] => SUM, |v, _| numbers(v, |a, b| Ok(a.add(b)));
    [Float4, Float4] => of(Float4), |v, _| float4(v, |a, b| a + b);
    [Float4, Float8] => of(Float8), |v, _| float8(v, |a, b| a + b);
    [Float8, Float4] => of(Float8), |v, _| float8(v, |a, b| a + b);
    [Float8, Float8] => of(Float8), |v, _| float8(v, |a, b| a + b);
    [Date, Int4] => of(Date), |v, _| moments::date_and_days(&v[0], &v[1], 1);
    [Int4, Date] => of(Date), |v, _| moments::date_and_days(&v[1], &v[0], 1);
    [Date, Time] => of(Timestamp), |v, _| moments::date_and_time(&v[0], &v[1]);
    [Time, Date] => of(Timestamp), |v, _| moments::date_and_time(&v[1], &v[0]);
    [Timestamp, Interval] => of(Timestamp), |v, zone| moments::moved(&v[0], &v[1], 1, zone);
    [Interval, Timestamp] => of(Timestamp), |v, zone| moments::moved(&v[1], &v[0], 1, zone);
    [Date, Interval] => of(Timestamp), |v, zone| moments::moved(&v[0], &v[1], 1, zone);
    [Interval, Date] => of(Timestamp), |v, zone| moments::moved(&v[1], &v[0], 1, zone);
    [TimestampTz, Interval] => of(TimestampTz), |v, zone| moments::moved(&v[0], &v[1], 1, zone);
    [Interval, TimestampTz] => of(TimestampTz), |v, zone| moments::moved(&v[1], &v[0], 1, zone);
    [Time, Interval] => of(Time), |v, zone| moments::moved(&v[0], &v[1], 1, zone);
    [Interval, Time] => of(Time), |v, zone| moments::moved(&v[1], &v[0], 1, zone);
    [Interval, Interval] => of(Interval), |v, _| moments::intervals(&v[0], &v[1], 1);
}

overloads! { MINUS:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, i64::checked_sub);
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, i64::checked_sub);
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, i64::checked_sub);
    [Numeric, Numeric] => SUM, |v, _| numbers(v, |a, b| Ok(a.subtract(b)));
    [Float4, Float4] => of(Float4), |v, _| float4(v, |a, b| a - b);
    [Float4, Float8] => of(Float8), |v, _| float8(v, |a, b| a - b);
    [Float8, Float4] => of(Float8), |v, _| float8(v, |a, b| a - b);
    [Float8, Float8] => of(Float8), |v, _| float8(v, |a, b| a - b);
    [Date, Int4] => of(Date), |v, _| moments::date_and_days(&v[0], &v[1], -1);
    [Date, Date] => of(Int4), |v, _| moments::days_between(&v[0], &v[1]);
    [Timestamp, Timestamp] => of(Interval), |v, _| moments::between(&v[0], &v[1]);
    [TimestampTz, TimestampTz] => of(Interval), |v, _| moments::between(&v[0], &v[1]);
    [Time, Time] => of(Interval), |v, _| moments::between(&v[0], &v[1]);
    [Timestamp, Interval] => of(Timestamp), |v, zone| moments::moved(&v[0], &v[1], -1, zone);
    [Date, Interval] => of(Timestamp), |v, zone| moments::moved(&v[0], &v[1], -1, zone);
    [TimestampTz, Interval] => of(TimestampTz), |v, zone| moments::moved(&v[0], &v[1], -1, zone);
    [Time, Interval] => of(Time), |v, zone| moments::moved(&v[0], &v[1], -1, zone);
    [Interval, Interval] => of(Interval), |v, _| moments::intervals(&v[0], &v[1], -1);
}

overloads! { TIMES:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, i64::checked_mul);
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, i64::checked_mul);
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, i64::checked_mul);
    [Numeric, Numeric] => PRODUCT, |v, _| numbers(v, |a, b| Ok(a.multiply(b)));
    [Float4, Float4] => of(Float4), |v, _| float4(v, |a, b| a * b);
    [Float4, Float8] => of(Float8), |v, _| float8(v, |a, b| a * b);
    [Float8, Float4] => of(Float8), |v, _| float8(v, |a, b| a * b);
    [Float8, Float8] => of(Float8), |v, _| float8(v, |a, b| a * b);
    [Interval, Float8] => of(Interval), |v, _| moments::multiplied(&v[0], &v[1]);
    [Float8, Interval] => of(Interval), |v, _| moments::multiplied(&v[1], &v[0]);
}

overloads! { DIVIDE:
    [Int2, Int2] => of(Int2), |v, _| divided(v, Int2);
    [Int4, Int4] => of(Int4), |v, _| divided(v, Int4);
    [Int8, Int8] => of(Int8), |v, _| divided(v, Int8);
    [Numeric, Numeric] => QUOTIENT, |v, _| numbers(v, crate::sql::numeric::Numeric::divide);
    [Float4, Float4] => of(Float4), |v, _| { nonzero(v)?; float4(v, |a, b| a / b) };
    [Float4, Float8] => of(Float8), |v, _| { nonzero(v)?; float8(v, |a, b| a / b) };
    [Float8, Float4] => of(Float8), |v, _| { nonzero(v)?; float8(v, |a, b| a / b) };
    [Float8, Float8] => of(Float8), |v, _| { nonzero(v)?; float8(v, |a, b| a / b) };
    [Interval, Float8] => of(Interval), |v, _| moments::divided(&v[0], &v[1]);
}

overloads! { MODULO:
    [Int2, Int2] => of(Int2), |v, _| remainder(v, Int2);
    [Int4, Int4] => of(Int4), |v, _| remainder(v, Int4);
    [Int8, Int8] => of(Int8), |v, _| remainder(v, Int8);
    [Numeric, Numeric] => REMAINDER, |v, _| numbers(v, crate::sql::numeric::Numeric::remainder);
}

overloads! { POWER:
    [Numeric, Numeric] => POWERED, |v, _| numbers(v, crate::sql::numeric::Numeric::power);
    [Float8, Float8] => of(Float8), |v, _| powered(v);
}

overloads! { NEGATIVE:
    [Int2] => of(Int2), |v, _| negated(v, Int2);
    [Int4] => of(Int4), |v, _| negated(v, Int4);
    [Int8] => of(Int8), |v, _| negated(v, Int8);
    [Numeric] => SAME, negative;
    [Float4] => of(Float4), negative;
    [Float8] => of(Float8), negative;
    [Interval] => of(Interval), negative;
}

overloads! { AND:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, |a, b| Some(a & b));
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, |a, b| Some(a & b));
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, |a, b| Some(a & b));
}

overloads! { OR:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, |a, b| Some(a | b));
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, |a, b| Some(a | b));
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, |a, b| Some(a | b));
}

overloads! { XOR:
    [Int2, Int2] => of(Int2), |v, _| whole(v, Int2, |a, b| Some(a ^ b));
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, |a, b| Some(a ^ b));
    [Int8, Int8] => of(Int8), |v, _| whole(v, Int8, |a, b| Some(a ^ b));
}

overloads! { LEFT:
    [Int2, Int4] => of(Int2), |v, _| whole(v, Int2, |a, b| Some(i64::from(((a as i32) << (b & 31)) as i16)));
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, |a, b| Some(i64::from((a as i32) << (b & 31))));
    [Int8, Int4] => of(Int8), |v, _| whole(v, Int8, |a, b| Some(a << (b & 63)));
}

overloads! { RIGHT:
    [Int2, Int4] => of(Int2), |v, _| whole(v, Int2, |a, b| Some(i64::from((a as i32) >> (b & 31))));
    [Int4, Int4] => of(Int4), |v, _| whole(v, Int4, |a, b| Some(i64::from((a as i32) >> (b & 31))));
    [Int8, Int4] => of(Int8), |v, _| whole(v, Int8, |a, b| Some(a >> (b & 63)));
}

/// The type of a sum or a difference.
pub fn sum_type(types: &[DataType]) -> Result<DataType> {
    let ((whole, scale), (other, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole.max(other) + 1, scale.max(other_scale))
}

/// The type of a product.
pub fn product_type(types: &[DataType]) -> Result<DataType> {
    let ((whole, scale), (other, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole + other, scale + other_scale)
}

/// The type of a quotient.
pub fn quotient_type(types: &[DataType]) -> Result<DataType> {
    let ((whole, scale), (_, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole + u32::from(other_scale), scale.max(other_scale).max(VARIABLE_SCALE))
}

fn remainder_type(types: &[DataType]) -> Result<DataType> {
    let ((whole, scale), (other, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole.min(other).max(1), scale.max(other_scale))
}

fn power_type(types: &[DataType]) -> Result<DataType> {
    decimal(38, digits(&types[0]).1.max(digits(&types[1]).1).max(VARIABLE_SCALE))
}

fn wrong(values: &[Value]) -> datafusion::error::DataFusionError {
    failed(format!("an operator does not take {values:?}"))
}

fn whole(values: &[Value], kind: Kind, compute: impl Fn(i64, i64) -> Option<i64>) -> Result<Value> {
    let [Value::Int(a), Value::Int(b)] = values else { return Err(wrong(values)) };
    ranged(compute(*a, *b), kind)
}

fn ranged(value: Option<i64>, kind: Kind) -> Result<Value> {
    let fits = value.filter(|value| match kind {
        Int2 => i16::try_from(*value).is_ok(),
        Int4 => i32::try_from(*value).is_ok(),
        _ => true,
    });
    fits.map(Value::Int).ok_or_else(|| out_of_range(kind))
}

fn divided(values: &[Value], kind: Kind) -> Result<Value> {
    let [Value::Int(a), Value::Int(b)] = values else { return Err(wrong(values)) };
    if *b == 0 {
        return Err(failed("division by zero"));
    }
    ranged(a.checked_div(*b), kind)
}

fn remainder(values: &[Value], kind: Kind) -> Result<Value> {
    let [Value::Int(a), Value::Int(b)] = values else { return Err(wrong(values)) };
    if *b == 0 {
        return Err(failed("division by zero"));
    }
    ranged(Some(a.checked_rem(*b).unwrap_or(0)), kind)
}

fn negated(values: &[Value], kind: Kind) -> Result<Value> {
    let [Value::Int(a)] = values else { return Err(wrong(values)) };
    ranged(a.checked_neg(), kind)
}

fn negative(values: &[Value], _: &Zone) -> Result<Value> {
    Ok(match values {
        [Value::Numeric(value)] => Value::Numeric(value.negate()),
        [Value::Float(value)] => Value::Float(-value),
        [Value::Interval(value)] => Value::Interval(value.negate()),
        _ => return Err(wrong(values)),
    })
}

fn numbers(values: &[Value], compute: impl Fn(&Number, &Number) -> Result<Number>) -> Result<Value> {
    let [Value::Numeric(a), Value::Numeric(b)] = values else { return Err(wrong(values)) };
    compute(a, b).map(Value::Numeric)
}

fn floats(values: &[Value]) -> Result<(f64, f64)> {
    let [Value::Float(a), Value::Float(b)] = values else { return Err(wrong(values)) };
    Ok((*a, *b))
}

fn nonzero(values: &[Value]) -> Result<()> {
    let (a, b) = floats(values)?;
    if b == 0.0 && !a.is_nan() { Err(failed("division by zero")) } else { Ok(()) }
}

fn float8(values: &[Value], compute: fn(f64, f64) -> f64) -> Result<Value> {
    let (a, b) = floats(values)?;
    checked(a, b, compute(a, b), compute(1.0, 1.0) == 1.0).map(Value::Float)
}

fn float4(values: &[Value], compute: fn(f32, f32) -> f32) -> Result<Value> {
    let (a, b) = floats(values)?;
    let result = compute(a as f32, b as f32);
    checked(a, b, result.into(), compute(1.0, 1.0) == 1.0).map(Value::Float)
}

/// What is infinite without an infinity in it, or nothing without a nothing in it, did not fit.
fn checked(a: f64, b: f64, result: f64, multiplies: bool) -> Result<f64> {
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(failed("value out of range: overflow"));
    }
    if multiplies && result == 0.0 && a != 0.0 && b != 0.0 && !b.is_infinite() {
        return Err(failed("value out of range: underflow"));
    }
    Ok(result)
}

fn powered(values: &[Value]) -> Result<Value> {
    let (a, b) = floats(values)?;
    if a == 0.0 && b < 0.0 {
        return Err(failed("zero raised to a negative power is undefined"));
    }
    if a < 0.0 && b.is_finite() && b.fract() != 0.0 {
        return Err(failed("a negative number raised to a non-integer power yields a complex result"));
    }
    let result = a.powf(b);
    if result.is_infinite() && a.is_finite() && b.is_finite() {
        return Err(failed("value out of range: overflow"));
    }
    if result == 0.0 && a != 0.0 && a.is_finite() && b.is_finite() {
        return Err(failed("value out of range: underflow"));
    }
    Ok(Value::Float(result))
}
