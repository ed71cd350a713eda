//! Values of both sides in one form.

#![expect(
    clippy::float_cmp,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, IntervalMonthDayNanoType,
        Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    },
};
use engine_run::sql::session::Session;

/// A value with the name of its type in PostgreSQL, or an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Value { kind: String, text: Option<String> },
    Error(String),
}

impl Outcome {
    /// A value of ours.
    pub fn of(array: &ArrayRef, row: usize) -> Self {
        let kind = kind(array.data_type()).to_owned();
        let text = array.is_valid(row).then(|| text(array, row));
        Self::Value { kind, text }
    }
}

fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "bool",
        DataType::Int16 => "int2",
        DataType::Int32 => "int4",
        DataType::Int64 => "int8",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => "text",
        DataType::Date32 => "date",
        DataType::Time64(TimeUnit::Microsecond) => "time",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz",
        DataType::Interval(_) => "interval",
        DataType::List(_) => "list",
        _ => "a type that is not carried",
    }
}

fn text(array: &ArrayRef, row: usize) -> String {
    let stamp = |us: i64| DateTime::from_timestamp_micros(us).unwrap().naive_utc();
    match array.data_type() {
        DataType::Boolean => if array.as_boolean().value(row) { "t" } else { "f" }.into(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            let day = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(days.into());
            era(day.into(), "-%m-%d")
        }
        DataType::Time64(_) => {
            let us = array.as_primitive::<Time64MicrosecondType>().value(row);
            if us == 86_400_000_000 {
                "24:00:00".into()
            } else {
                fraction(stamp(us).format("%H:%M:%S%.6f").to_string())
            }
        }
        DataType::Timestamp(_, zone) => {
            let us = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let (at, time) = (stamp(us), fraction(stamp(us).format("%H:%M:%S%.6f").to_string()));
            let zone = if zone.is_some() { "+00" } else { "" };
            let day = era(at, "-%m-%d");
            match day.strip_suffix(" BC") {
                Some(day) => format!("{day} {time}{zone} BC"),
                None => format!("{day} {time}{zone}"),
            }
        }
        DataType::Interval(_) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            format!("{} months {} days {} us", value.months, value.days, value.nanoseconds / 1000)
        }
        _ => cast(array, &DataType::Utf8).unwrap().as_string::<i32>().value(row).to_owned(),
    }
}

/// As PostgreSQL writes years that have not four digits, or lie before the first.
fn era(at: NaiveDateTime, format: &str) -> String {
    let (year, rest) = (at.year(), at.format(format));
    if year > 0 { format!("{year:04}{rest}") } else { format!("{:04}{rest} BC", 1 - year) }
}

fn fraction(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Whether two outcomes are one value: a numeric whatever its zeros at the end, a float to one unit in the last place.
pub fn same(expected: &Outcome, found: &Outcome) -> bool {
    let (Outcome::Value { kind, text }, Outcome::Value { kind: ours, text: other }) = (expected, found) else {
        return false;
    };
    let textual = ["unknown", "varchar", "bpchar", "name", "char", "\"char\"", "json", "jsonb", "uuid"];
    let kind = if textual.contains(&kind.as_str()) { "text" } else { kind.as_str() };
    if kind != ours && !kind.ends_with("[]") {
        return false;
    }
    match (text, other) {
        (None, None) => true,
        (Some(text), Some(other)) => match kind {
            "numeric" => plain(text) == plain(other),
            "float4" => near(text.parse::<f32>().unwrap().into(), other.parse::<f32>().unwrap().into(), true),
            "float8" => near(text.parse().unwrap(), other.parse().unwrap(), false),
            "interval" => months(text) == *other,
            _ => text == other,
        },
        _ => false,
    }
}

/// Whether two lists of rows are the same.
pub fn same_rows(expected: &[Vec<Outcome>], found: &[Vec<Outcome>]) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| {
            expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| same(expected, found))
        })
}

/// The rows that our side gives.
pub async fn rows(session: &Session, sql: &str) -> Result<Vec<Vec<Outcome>>, String> {
    let frame = session.query(sql).await.map_err(|error| error.strip_backtrace())?;
    let batches = frame.collect().await.map_err(|error| error.strip_backtrace())?;
    let rows = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| Outcome::of(column, row)).collect())
    });
    Ok(rows.collect())
}

fn plain(number: &str) -> String {
    let trimmed = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if trimmed == "-0" { "0".into() } else { trimmed.to_owned() }
}

fn near(one: f64, other: f64, single: bool) -> bool {
    if one.is_nan() || other.is_nan() {
        return one.is_nan() && other.is_nan();
    }
    if one == other {
        return true;
    }
    let unit = if single { f64::from(f32::EPSILON) } else { f64::EPSILON };
    (one - other).abs() <= one.abs().max(other.abs()) * unit
}

/// An interval in ISO 8601's style as months, days and microseconds.
fn months(text: &str) -> String {
    let (mut months, mut days, mut us) = (0i64, 0i64, 0i64);
    let (mut number, mut time) = (String::new(), false);
    for c in text.trim_start_matches('P').chars() {
        match c {
            'T' => time = true,
            'Y' | 'M' | 'W' | 'D' | 'H' | 'S' => {
                let (whole, part) = number.split_once('.').unwrap_or((&number, ""));
                let sign = if number.starts_with('-') { -1 } else { 1 };
                let amount: i64 = whole.parse().unwrap();
                let micros: i64 = format!("{part:0<6}").parse::<i64>().unwrap() * sign;
                match (c, time) {
                    ('Y', _) => months += 12 * amount,
                    ('M', false) => months += amount,
                    ('W', _) => days += 7 * amount,
                    ('D', _) => days += amount,
                    ('H', _) => us += amount * 3_600_000_000,
                    ('M', true) => us += amount * 60_000_000,
                    _ => us += amount * 1_000_000 + micros,
                }
                number.clear();
            }
            c => number.push(c),
        }
    }
    format!("{months} months {days} days {us} us")
}
