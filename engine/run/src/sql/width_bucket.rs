//! `width_bucket`: in which of equally wide buckets a value lies.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{
    failed::failed,
    kind::Kind,
    numeric::Numeric,
    value::{Value, out_of_range},
};
use datafusion::error::Result;

fn count(value: &Value) -> Result<i64> {
    match value {
        Value::Int(count) if *count > 0 => Ok(*count),
        _ => Err(failed("count must be greater than zero")),
    }
}

/// Of `numeric`.
pub fn of_number(values: &[Value]) -> Result<Value> {
    let [Value::Numeric(value), Value::Numeric(low), Value::Numeric(high), count_value] = values else {
        return Err(failed("width_bucket does not take these values"));
    };
    let buckets = count(count_value)?;
    if low.compare(high).is_eq() {
        return Err(failed("lower bound cannot equal upper bound"));
    }
    let (value, low, high) = if low < high {
        (value.clone(), low.clone(), high.clone())
    } else {
        (value.negate(), low.negate(), high.negate())
    };
    let bucket = if value < low {
        0
    } else if value >= high {
        buckets + 1
    } else {
        let part = value.subtract(&low).multiply(&Numeric::from(buckets));
        let place = part.whole_quotient(&high.subtract(&low))?;
        place.to_i64().ok_or_else(|| out_of_range(Kind::Int4))? + 1
    };
    i32::try_from(bucket).map(|bucket| Value::Int(bucket.into())).map_err(|_| out_of_range(Kind::Int4))
}

/// Of doubles.
pub fn of_double(values: &[Value]) -> Result<Value> {
    let [Value::Float(value), Value::Float(low), Value::Float(high), count_value] = values else {
        return Err(failed("width_bucket does not take these values"));
    };
    let buckets = count(count_value)?;
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(failed("operand, lower bound, and upper bound cannot be NaN"));
    }
    if low.is_infinite() || high.is_infinite() {
        return Err(failed("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(failed("lower bound cannot equal upper bound"));
    }
    let (value, low, high) = if low < high { (*value, *low, *high) } else { (-value, -low, -high) };
    let bucket = if value < low {
        0
    } else if value >= high {
        buckets + 1
    } else {
        (buckets as f64 * ((value - low) / (high - low))) as i64 + 1
    };
    i32::try_from(bucket).map(|bucket| Value::Int(bucket.into())).map_err(|_| out_of_range(Kind::Int4))
}
