//! Casts: what does not fit is an error, and what is rounded is rounded as PostgreSQL does it.
//!
//! <https://www.postgresql.org/docs/current/sql-createcast.html> and the table `pg_cast`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

pub mod function;
pub mod target;

use super::{
    calendar::{checked, timestamp},
    failed::failed,
    kind::{Kind, VARIABLE_SCALE},
    numeric::Numeric,
    session_zone::Zone,
    text,
    time::{parse, print},
    units::DAY,
    value::{Value, out_of_range},
};
use datafusion::error::{DataFusionError, Result};
use target::{Length, Target};

/// A value as the type that a function takes.
pub fn implicit(value: Value, to: Kind, zone: &Zone) -> Result<Value> {
    Ok(match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::Int(value), Kind::Numeric) => Value::Numeric(value.into()),
        (Value::Int(value), Kind::Float4) => Value::Float((value as f32).into()),
        (Value::Int(value), Kind::Float8) => Value::Float(value as f64),
        (Value::Numeric(value), Kind::Float4 | Kind::Float8) => Value::Float(value.to_f64()),
        (Value::Date(days), Kind::Timestamp) => Value::Timestamp(timestamp(days, 0)?),
        (Value::Date(days), Kind::TimestampTz) => Value::TimestampTz(zone.utc_of(timestamp(days, 0)?)?),
        (Value::Timestamp(us), Kind::TimestampTz) => Value::TimestampTz(zone.utc_of(us)?),
        (Value::Time(us), Kind::Interval) => {
            Value::Interval(super::interval::Interval { micros: us, ..Default::default() })
        }
        (Value::Text(text), to) if to != Kind::Text => from_text(&text, to, zone)?,
        (value, _) => value,
    })
}

/// What a type's input function reads.
fn from_text(text: &str, to: Kind, zone: &Zone) -> Result<Value> {
    Ok(match to {
        Kind::Bool => Value::Bool(text::boolean(text)?),
        Kind::Int2 | Kind::Int4 | Kind::Int8 => Value::Int(text::integer(text, to)?),
        Kind::Numeric => Value::Numeric(Numeric::parse(text)?),
        Kind::Float4 => Value::Float(text::float(text, true)?),
        Kind::Float8 => Value::Float(text::float(text, false)?),
        Kind::Date => Value::Date(parse::date(text)?),
        Kind::Time => Value::Time(parse::time(text)?),
        Kind::Timestamp => Value::Timestamp(parse::timestamp(text)?),
        Kind::TimestampTz => Value::TimestampTz(parse::timestamptz(text, zone)?),
        Kind::Interval => Value::Interval(parse::interval(text, "second")?),
        Kind::Text | Kind::Unknown | Kind::Other => Value::Text(text.to_owned()),
    })
}

/// A value as text; `from` tells a `real` from a `double precision`.
pub fn to_text(value: &Value, from: Kind, zone: &Zone) -> Result<String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Numeric(value) => value.to_string(),
        Value::Float(value) if from == Kind::Float4 => text::float4(*value as f32),
        Value::Float(value) => text::float8(*value),
        Value::Text(value) => value.clone(),
        Value::Date(days) => print::day(*days),
        Value::Time(us) => print::time(*us),
        Value::Timestamp(us) => print::timestamp(*us),
        Value::TimestampTz(us) => print::timestamptz(*us, zone)?,
        Value::Interval(value) => print::interval(value),
    })
}

/// The casts that `pg_cast` has beyond those from and to text.
pub fn exists(from: Kind, to: Kind) -> bool {
    use Kind::{Bool, Date, Int4, Interval, Text, Time, Timestamp, TimestampTz, Unknown};
    from == to
        || matches!(from, Text | Unknown)
        || to == Text
        || from.is_number() && to.is_number()
        || matches!(
            (from, to),
            (Bool, Int4)
                | (Int4, Bool)
                | (Date, Timestamp | TimestampTz)
                | (Timestamp, Date | Time | TimestampTz)
                | (TimestampTz, Date | Time | Timestamp)
                | (Time, Interval)
                | (Interval, Time)
        )
}

/// A value cast to a type because the user says so.
pub fn explicit(value: Value, from: Kind, to: &Target, zone: &Zone) -> Result<Value> {
    let value = match (value, to.kind) {
        (Value::Null, _) => return Ok(Value::Null),
        (value, Kind::Text) => Value::Text(to_text(&value, from, zone)?),
        (Value::Text(text), kind) => from_text(&text, kind, zone)?,
        (Value::Bool(value), Kind::Int4) => Value::Int(value.into()),
        (Value::Int(value), Kind::Bool) => Value::Bool(value != 0),
        (value, kind) if kind.is_number() => number(value, from, kind)?,
        (value, kind) => moment(value, kind, zone)?,
    };
    fitted(value, to)
}

fn number(value: Value, from: Kind, to: Kind) -> Result<Value> {
    Ok(match (value, to) {
        (Value::Int(value), Kind::Int2 | Kind::Int4 | Kind::Int8) => Value::Int(ranged(value, to)?),
        (Value::Numeric(value), Kind::Int2 | Kind::Int4 | Kind::Int8) => {
            Value::Int(ranged(value.to_i64().ok_or_else(|| out_of_range(to))?, to)?)
        }
        (Value::Float(value), Kind::Int2 | Kind::Int4 | Kind::Int8) => {
            let whole = value.round_ties_even();
            if !(-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&whole) {
                return Err(out_of_range(to));
            }
            Value::Int(ranged(whole as i64, to)?)
        }
        (Value::Float(value), Kind::Numeric) => {
            Value::Numeric(Numeric::from_float(value, if from == Kind::Float4 { 6 } else { 15 })?)
        }
        (Value::Float(value), Kind::Float4) => Value::Float(narrow(value)?),
        (Value::Numeric(value), Kind::Float4) => Value::Float(narrow(value.to_f64())?),
        (Value::Int(value), Kind::Float4) => Value::Float((value as f32).into()),
        (Value::Int(value), Kind::Float8) => Value::Float(value as f64),
        (Value::Numeric(value), Kind::Float8) => Value::Float(value.to_f64()),
        (Value::Int(value), Kind::Numeric) => Value::Numeric(value.into()),
        (value, _) => value,
    })
}

fn ranged(value: i64, kind: Kind) -> Result<i64> {
    let fits = match kind {
        Kind::Int2 => i16::try_from(value).is_ok(),
        Kind::Int4 => i32::try_from(value).is_ok(),
        _ => true,
    };
    if fits { Ok(value) } else { Err(out_of_range(kind)) }
}

fn narrow(value: f64) -> Result<f64> {
    let single = value as f32;
    if single.is_infinite() && value.is_finite() {
        return Err(failed("value out of range: overflow"));
    }
    if single == 0.0 && value != 0.0 {
        return Err(failed("value out of range: underflow"));
    }
    Ok(single.into())
}

fn moment(value: Value, to: Kind, zone: &Zone) -> Result<Value> {
    let day_of = |us: i64| Value::Date(us.div_euclid(DAY));
    let time_of = |us: i64| Value::Time(us.rem_euclid(DAY));
    Ok(match (value, to) {
        (Value::Timestamp(us), Kind::Date) => day_of(us),
        (Value::Timestamp(us), Kind::Time) => time_of(us),
        (Value::TimestampTz(us), Kind::Date) => day_of(zone.local_of(us)?),
        (Value::TimestampTz(us), Kind::Time) => time_of(zone.local_of(us)?),
        (Value::TimestampTz(us), Kind::Timestamp) => Value::Timestamp(checked(zone.local_of(us)?)?),
        (Value::Interval(value), Kind::Time) => Value::Time(value.micros.rem_euclid(DAY)),
        (value, _) => implicit(value, to, zone)?,
    })
}

/// A value with the length that the type asks for.
fn fitted(value: Value, to: &Target) -> Result<Value> {
    Ok(match (value, to.length) {
        (Value::Numeric(value), Length::Digits(precision, scale)) => {
            let rounded = value.round(i64::from(scale));
            if rounded.digits.magnitude() >= super::numeric::power_of_ten(u32::from(precision)).magnitude() {
                return Err(failed(format!(
                    "numeric field overflow: {value} does not fit into numeric({precision}, {scale})"
                )));
            }
            Value::Numeric(rounded)
        }
        (Value::Numeric(value), Length::None) => Value::Numeric(kept(value)?),
        (Value::Text(text), Length::Characters(most)) => Value::Text(text.chars().take(most).collect()),
        (Value::Text(text), Length::Blanks(most)) => {
            let cut: String = text.chars().take(most).collect();
            Value::Text(cut.trim_end_matches(' ').to_owned())
        }
        (Value::Timestamp(us), Length::Fraction(digits)) => Value::Timestamp(rounded(us, digits)),
        (Value::TimestampTz(us), Length::Fraction(digits)) => Value::TimestampTz(rounded(us, digits)),
        (Value::Time(us), Length::Fraction(digits)) => Value::Time(rounded(us, digits)),
        (value, _) => value,
    })
}

/// A number that is cast to `numeric` without digits keeps all of its own.
fn kept(value: Numeric) -> Result<Numeric> {
    if value.exactly_at(u32::from(VARIABLE_SCALE)).is_some() {
        return Ok(value);
    }
    Err(failed(format!(
        "the numeric {value} has more than {VARIABLE_SCALE} digits behind its point: say how many are meant, `numeric(38, 10)`"
    )))
}

fn rounded(us: i64, digits: u8) -> i64 {
    let unit = 10i64.pow(6 - u32::from(digits.min(6)));
    let below = us.rem_euclid(unit);
    // Half of a unit goes away from 2000-01-01, from which PostgreSQL counts.
    let up = below * 2 > unit || below * 2 == unit && us >= 946_684_800_000_000;
    us - below + if up { unit } else { 0 }
}

/// The error of a cast that does not exist.
pub fn no_cast(from: Kind, to: Kind) -> DataFusionError {
    DataFusionError::Plan(format!("cannot cast type {from} to {to}"))
}
