//! Arithmetic of dates, times and intervals.

use crate::sql::{
    calendar::{self, checked_date},
    failed::failed,
    interval::Interval,
    session_zone::Zone,
    units::DAY,
    value::Value,
};
use datafusion::error::Result;

fn wrong() -> datafusion::error::DataFusionError {
    failed("an operator of dates does not take these values")
}

pub fn date_and_days(date: &Value, days: &Value, sign: i64) -> Result<Value> {
    let (Value::Date(date), Value::Int(days)) = (date, days) else { return Err(wrong()) };
    checked_date(date + sign * days).map(Value::Date)
}

pub fn days_between(one: &Value, other: &Value) -> Result<Value> {
    let (Value::Date(one), Value::Date(other)) = (one, other) else { return Err(wrong()) };
    Ok(Value::Int(one - other))
}

pub fn date_and_time(date: &Value, time: &Value) -> Result<Value> {
    let (Value::Date(date), Value::Time(time)) = (date, time) else { return Err(wrong()) };
    calendar::timestamp(*date, *time).map(Value::Timestamp)
}

/// A moment moved by an interval, forward or back; a time goes round the clock.
pub fn moved(at: &Value, by: &Value, sign: i64, zone: &Zone) -> Result<Value> {
    let Value::Interval(by) = by else { return Err(wrong()) };
    let by = if sign < 0 { by.negate() } else { *by };
    Ok(match at {
        Value::Date(days) => Value::Timestamp(calendar::moved(calendar::timestamp(*days, 0)?, &by)?),
        Value::Timestamp(us) => Value::Timestamp(calendar::moved(*us, &by)?),
        Value::TimestampTz(us) => Value::TimestampTz(calendar::moved_in(*us, &by, zone)?),
        Value::Time(us) => Value::Time((us + by.micros % DAY).rem_euclid(DAY)),
        _ => return Err(wrong()),
    })
}

pub fn between(one: &Value, other: &Value) -> Result<Value> {
    Ok(Value::Interval(match (one, other) {
        (Value::Timestamp(one), Value::Timestamp(other)) | (Value::TimestampTz(one), Value::TimestampTz(other)) => {
            calendar::between(*one, *other)?
        }
        (Value::Time(one), Value::Time(other)) => Interval { micros: one - other, ..Interval::default() },
        _ => return Err(wrong()),
    }))
}

pub fn intervals(one: &Value, other: &Value, sign: i64) -> Result<Value> {
    let (Value::Interval(one), Value::Interval(other)) = (one, other) else { return Err(wrong()) };
    one.add(if sign < 0 { other.negate() } else { *other }).map(Value::Interval)
}

pub fn multiplied(interval: &Value, factor: &Value) -> Result<Value> {
    let (Value::Interval(interval), Value::Float(factor)) = (interval, factor) else { return Err(wrong()) };
    interval.multiply(*factor).map(Value::Interval)
}

pub fn divided(interval: &Value, divisor: &Value) -> Result<Value> {
    let (Value::Interval(interval), Value::Float(divisor)) = (interval, divisor) else { return Err(wrong()) };
    interval.divide(*divisor).map(Value::Interval)
}
