//! Functions of dates, times and intervals.
//!
//! <https://www.postgresql.org/docs/current/functions-datetime.html>

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{
    calendar::{self, checked, days, days_of_month, timestamp},
    failed::failed,
    function::{Function, Gives, Overload},
    interval::Interval as Span,
    kind::Kind::{self, Bool, Date, Float8, Int4, Interval, Numeric, Text, Time, Timestamp, TimestampTz},
    session_zone::Zone,
    time::{
        fields::{Field, part, truncated, truncated_interval},
        from_pattern, parse, to_char,
    },
    units::{DAY, SECOND},
    value::Value,
};
use datafusion::error::Result;

/// All of them.
pub fn functions() -> Vec<Function> {
    vec![
        Function::new("date_part", DATE_PART),
        Function::new("date_trunc", DATE_TRUNC),
        Function::new("date_bin", DATE_BIN),
        Function::new("age", AGE),
        Function::new("make_date", MAKE_DATE),
        Function::new("make_time", MAKE_TIME),
        Function::new("make_timestamp", MAKE_TIMESTAMP),
        Function::new("make_timestamptz", MAKE_TIMESTAMPTZ),
        Function::new("make_interval", MAKE_INTERVAL),
        Function::new("engine_interval", INTERVAL),
        Function::new("justify_hours", JUSTIFY_HOURS),
        Function::new("justify_days", JUSTIFY_DAYS),
        Function::new("justify_interval", JUSTIFY_INTERVAL),
        Function::new("timezone", TIMEZONE),
        Function::new("isfinite", IS_FINITE),
        Function::new("to_char", TO_CHAR),
        Function::new("to_date", TO_DATE),
        Function::new("to_timestamp", TO_TIMESTAMP),
    ]
}

const fn of(kind: Kind) -> Gives {
    Gives::Kind(kind)
}

macro_rules! overloads {
    ($name:ident: $($takes:expr => $gives:expr, $run:expr;)*) => {
        static $name: &[Overload] = &[$(Overload { takes: &$takes, gives: $gives, run: $run }),*];
    };
}

overloads! { DATE_PART:
    [Text, Date] => of(Float8), |v, zone| date_part_of_day(v, zone);
    [Text, Timestamp] => of(Float8), |v, zone| date_part(v, zone);
    [Text, TimestampTz] => of(Float8), |v, zone| date_part(v, zone);
    [Text, Time] => of(Float8), |v, zone| date_part(v, zone);
    [Text, Interval] => of(Float8), |v, zone| date_part(v, zone);
}

overloads! { DATE_TRUNC:
    [Text, Timestamp] => of(Timestamp), |v, zone| date_trunc(v, zone);
    [Text, TimestampTz] => of(TimestampTz), |v, zone| date_trunc(v, zone);
    [Text, Interval] => of(Interval), |v, zone| date_trunc(v, zone);
    [Text, TimestampTz, Text] => of(TimestampTz), |v, _| date_trunc(&v[..2], &Zone::posix(text(&v[2])?)?);
}

overloads! { DATE_BIN:
    [Interval, Timestamp, Timestamp] => of(Timestamp), |v, _| date_bin(v);
    [Interval, TimestampTz, TimestampTz] => of(TimestampTz), |v, _| date_bin(v);
}

overloads! { AGE:
    [Timestamp, Timestamp] => of(Interval), |v, _| match v {
        [Value::Timestamp(one), Value::Timestamp(other)] => Ok(Value::Interval(calendar::age(*one, *other))),
        _ => Err(wrong(v)),
    };
    [TimestampTz, TimestampTz] => of(Interval), |v, zone| match v {
        [Value::TimestampTz(one), Value::TimestampTz(other)] => {
            Ok(Value::Interval(calendar::age(zone.local_of(*one)?, zone.local_of(*other)?)))
        }
        _ => Err(wrong(v)),
    };
}

overloads! { MAKE_DATE:
    [Int4, Int4, Int4] => of(Date), |v, _| Ok(Value::Date(day(int(&v[0])?, int(&v[1])?, int(&v[2])?)?));
}

overloads! { MAKE_TIME:
    [Int4, Int4, Float8] => of(Time), |v, _| Ok(Value::Time(clock(int(&v[0])?, int(&v[1])?, float(&v[2])?)?));
}

overloads! { MAKE_TIMESTAMP:
    [Int4, Int4, Int4, Int4, Int4, Float8] => of(Timestamp), |v, _| Ok(Value::Timestamp(stamp(v)?));
}

overloads! { MAKE_TIMESTAMPTZ:
    [Int4, Int4, Int4, Int4, Int4, Float8] => of(TimestampTz), |v, zone| {
        Ok(Value::TimestampTz(checked(zone.utc_of(stamp(v)?)?)?))
    };
    [Int4, Int4, Int4, Int4, Int4, Float8, Text] => of(TimestampTz), |v, _| {
        let zone = Zone::parse(text(&v[6])?)?;
        Ok(Value::TimestampTz(checked(zone.utc_of(stamp(v)?)?)?))
    };
}

overloads! { MAKE_INTERVAL:
    [] => of(Interval), |v, _| interval_of(v);
    [Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4, Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4, Int4, Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4, Int4, Int4, Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4, Int4, Int4, Int4, Int4] => of(Interval), |v, _| interval_of(v);
    [Int4, Int4, Int4, Int4, Int4, Int4, Float8] => of(Interval), |v, _| interval_of(v);
}

overloads! { INTERVAL:
    [Text, Text] => of(Interval), |v, _| parse::interval(text(&v[0])?, text(&v[1])?).map(Value::Interval);
}

overloads! { JUSTIFY_HOURS:
    [Interval] => of(Interval), |v, _| Ok(Value::Interval(span(&v[0])?.justify_hours()));
}

overloads! { JUSTIFY_DAYS:
    [Interval] => of(Interval), |v, _| Ok(Value::Interval(span(&v[0])?.justify_days()));
}

overloads! { JUSTIFY_INTERVAL:
    [Interval] => of(Interval), |v, _| Ok(Value::Interval(justified(span(&v[0])?)));
}

overloads! { TIMEZONE:
    [Text, Timestamp] => of(TimestampTz), |v, _| at_zone(&v[1], &Zone::posix(text(&v[0])?)?);
    [Text, TimestampTz] => of(Timestamp), |v, _| at_zone(&v[1], &Zone::posix(text(&v[0])?)?);
    [Interval, Timestamp] => of(TimestampTz), |v, _| at_zone(&v[1], &Zone::Fixed(span(&v[0])?.micros));
    [Interval, TimestampTz] => of(Timestamp), |v, _| at_zone(&v[1], &Zone::Fixed(span(&v[0])?.micros));
}

overloads! { TO_CHAR:
    [Timestamp, Text] => of(Text), |v, _| match v {
        [Value::Timestamp(us), pattern] => to_char::timestamp(*us, text(pattern)?, None).map(Value::Text),
        _ => Err(wrong(v)),
    };
    [Numeric, Text] => of(Text), |v, _| number(v);
    [TimestampTz, Text] => of(Text), |v, zone| match v {
        [Value::TimestampTz(us), pattern] => to_char::timestamp(*us, text(pattern)?, Some(zone)).map(Value::Text),
        _ => Err(wrong(v)),
    };
}

fn number(values: &[Value]) -> Result<Value> {
    let [Value::Numeric(number), pattern] = values else { return Err(wrong(values)) };
    crate::sql::numeric::pattern::to_char(number, text(pattern)?).map(Value::Text)
}

overloads! { TO_DATE:
    [Text, Text] => of(Date), |v, _| from_pattern::date(text(&v[0])?, text(&v[1])?).map(Value::Date);
}

overloads! { TO_TIMESTAMP:
    [Float8] => of(TimestampTz), |v, _| {
        let us = float(&v[0])? * SECOND as f64;
        if !us.is_finite() || us.abs() > 9.2e18 {
            return Err(failed("timestamp out of range"));
        }
        checked(us.round_ties_even() as i64).map(Value::TimestampTz)
    };
    [Text, Text] => of(TimestampTz), |v, zone| {
        from_pattern::timestamptz(text(&v[0])?, text(&v[1])?, zone).map(Value::TimestampTz)
    };
}

overloads! { IS_FINITE:
    [Date] => of(Bool), |_, _| Ok(Value::Bool(true));
    [Timestamp] => of(Bool), |_, _| Ok(Value::Bool(true));
    [TimestampTz] => of(Bool), |_, _| Ok(Value::Bool(true));
    [Interval] => of(Bool), |_, _| Ok(Value::Bool(true));
}

fn wrong(values: &[Value]) -> datafusion::error::DataFusionError {
    failed(format!("a function of times does not take {values:?}"))
}

fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(wrong(std::slice::from_ref(other))),
    }
}

fn int(value: &Value) -> Result<i64> {
    match value {
        Value::Int(value) => Ok(*value),
        other => Err(wrong(std::slice::from_ref(other))),
    }
}

fn float(value: &Value) -> Result<f64> {
    match value {
        Value::Float(value) => Ok(*value),
        other => Err(wrong(std::slice::from_ref(other))),
    }
}

fn span(value: &Value) -> Result<Span> {
    match value {
        Value::Interval(value) => Ok(*value),
        other => Err(wrong(std::slice::from_ref(other))),
    }
}

fn field(name: &Value) -> Result<Field> {
    let name = text(name)?;
    Field::parse(name).ok_or_else(|| failed(format!("unit \"{name}\" not recognized")))
}

/// `date_part` takes a day for its first moment, other than `extract`.
fn date_part_of_day(values: &[Value], zone: &Zone) -> Result<Value> {
    match values {
        [field, Value::Date(day)] => date_part(&[field.clone(), Value::Timestamp(day.saturating_mul(DAY))], zone),
        values => date_part(values, zone),
    }
}

fn date_part(values: &[Value], zone: &Zone) -> Result<Value> {
    Ok(Value::Float(part(&values[1], field(&values[0])?, zone)?.to_f64()))
}

fn date_trunc(values: &[Value], zone: &Zone) -> Result<Value> {
    let field = field(&values[0])?;
    Ok(match &values[1] {
        Value::Timestamp(us) => Value::Timestamp(truncated(*us, field)?),
        // What is not as long as a day is taken away without looking at the zone's clock again.
        Value::TimestampTz(us)
            if matches!(
                field,
                Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour
            ) =>
        {
            let offset = zone.offset(*us)?;
            Value::TimestampTz(truncated(us + offset, field)? - offset)
        }
        Value::TimestampTz(us) => Value::TimestampTz(checked(zone.utc_of(truncated(zone.local_of(*us)?, field)?)?)?),
        Value::Interval(value) => Value::Interval(truncated_interval(value, field)?),
        _ => return Err(wrong(values)),
    })
}

fn date_bin(values: &[Value]) -> Result<Value> {
    let (stride, at, origin, zoned) = match values {
        [Value::Interval(stride), Value::Timestamp(at), Value::Timestamp(origin)] => (stride, *at, *origin, false),
        [Value::Interval(stride), Value::TimestampTz(at), Value::TimestampTz(origin)] => (stride, *at, *origin, true),
        _ => return Err(wrong(values)),
    };
    if stride.months != 0 {
        return Err(failed("timestamps cannot be binned into intervals containing months or years"));
    }
    let out = || failed("interval out of range");
    let width = stride.days.checked_mul(DAY).and_then(|us| us.checked_add(stride.micros)).ok_or_else(out)?;
    if width <= 0 {
        return Err(failed("stride must be greater than zero"));
    }
    let from = at.checked_sub(origin).ok_or_else(out)?;
    let bin = checked(origin + from.div_euclid(width) * width)?;
    Ok(if zoned { Value::TimestampTz(bin) } else { Value::Timestamp(bin) })
}

fn day(year: i64, month: i64, day: i64) -> Result<i64> {
    let there = year != 0 && (1..=12).contains(&month);
    let year = if year < 0 { year + 1 } else { year };
    if there && (1..=days_of_month(year, month)).contains(&day) {
        return calendar::checked_date(days(year, month, day));
    }
    Err(failed(format!("date field value out of range: {year}-{month:02}-{day:02}")))
}

fn clock(hours: i64, minutes: i64, seconds: f64) -> Result<i64> {
    let micros = (seconds * SECOND as f64).round_ties_even();
    let there =
        (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0.0..=60.0 * SECOND as f64).contains(&micros);
    let time = (hours * 60 + minutes) * 60 * SECOND + if there { micros as i64 } else { 0 };
    if there && time <= DAY {
        Ok(time)
    } else {
        Err(failed(format!("time field value out of range: {hours}:{minutes:02}:{seconds}")))
    }
}

fn stamp(values: &[Value]) -> Result<i64> {
    let date = day(int(&values[0])?, int(&values[1])?, int(&values[2])?)?;
    timestamp(date, clock(int(&values[3])?, int(&values[4])?, float(&values[5])?)?)
}

fn interval_of(values: &[Value]) -> Result<Value> {
    let at = |place: usize| values.get(place).map_or(Ok(0), int);
    let seconds = values.get(6).map_or(Ok(0.0), float)?;
    let micros = (at(4)? * 60 + at(5)?) * 60 * SECOND + (seconds * SECOND as f64).round_ties_even() as i64;
    let value = Span { months: at(0)? * 12 + at(1)?, days: at(2)? * 7 + at(3)?, micros };
    value.add(Span::default()).map(Value::Interval)
}

fn justified(value: Span) -> Span {
    let mut result = value;
    // As PostgreSQL does: days and time are brought under one sign before they become months.
    if result.days > 0 && result.micros > 0 || result.days < 0 && result.micros < 0 {
        result = result.justify_hours();
    } else {
        result = Span { days: result.days + result.micros / DAY, micros: result.micros % DAY, ..result };
    }
    result = Span { months: result.months + result.days / 30, days: result.days % 30, ..result };
    let behind = |result: &Span| result.days < 0 || result.days == 0 && result.micros < 0;
    let before = |result: &Span| result.days > 0 || result.days == 0 && result.micros > 0;
    if result.months > 0 && behind(&result) {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && before(&result) {
        result.days -= 30;
        result.months += 1;
    }
    if result.days > 0 && result.micros < 0 {
        result.micros += DAY;
        result.days -= 1;
    } else if result.days < 0 && result.micros > 0 {
        result.micros -= DAY;
        result.days += 1;
    }
    result
}

/// A time on a zone's wall as an instant, and the other way.
fn at_zone(value: &Value, zone: &Zone) -> Result<Value> {
    Ok(match value {
        Value::Timestamp(us) => Value::TimestampTz(checked(zone.utc_of(*us)?)?),
        Value::TimestampTz(us) => Value::Timestamp(checked(zone.local_of(*us)?)?),
        other => return Err(wrong(std::slice::from_ref(other))),
    })
}
