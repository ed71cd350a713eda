//! Dates, times and intervals from their text, as PostgreSQL's input functions read ISO 8601 and what is near it.
//!
//! <https://www.postgresql.org/docs/current/datetime-input-rules.html>. What it reads beyond that, such as `now` or
//! names of months, is an error here.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]
#![expect(clippy::option_option, reason = "a text may be no date, or a date that there is not")]

use crate::sql::{
    calendar::{days, days_of_month},
    failed::failed,
    interval::Interval,
    session_zone::Zone,
    units::{DAY, HOUR, MINUTE, SECOND},
};
use datafusion::error::{DataFusionError, Result};

/// A date, a time and a zone, each if it is there.
#[derive(Debug, Default)]
struct Read {
    date: Option<i64>,
    time: Option<i64>,
    zone: Option<Zone>,
}

fn invalid(kind: &str, text: &str) -> DataFusionError {
    failed(format!("invalid input syntax for type {kind}: \"{text}\""))
}

fn beyond(text: &str) -> DataFusionError {
    failed(format!("date/time field value out of range: \"{text}\""))
}

fn space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

/// The parts of a text, each of which may be missing.
fn read(text: &str, kind: &str) -> Result<Read> {
    let mut found = Read::default();
    let trimmed = text.trim_matches(space);
    let lower = trimmed.to_lowercase();
    if lower.ends_with("infinity") {
        return Err(failed(format!("the {kind} \"{text}\" is not supported: no system has it but PostgreSQL")));
    }
    let mut words: Vec<String> = lower.split(space).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    // An ISO date and its time are one word.
    if let Some((date, time)) = words.first().and_then(|word| word.split_once('t'))
        && date.starts_with(|c: char| c.is_ascii_digit())
        && time.starts_with(|c: char| c.is_ascii_digit())
    {
        let both = [date.to_owned(), time.to_owned()];
        words.splice(0..1, both);
    }
    let afternoon = match words.last().map(String::as_str) {
        Some("am") => Some(false),
        Some("pm") => Some(true),
        _ => None,
    };
    if afternoon.is_some() {
        words.pop();
    }
    for word in &words {
        let looks_like_time = word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit());
        if looks_like_time && found.time.is_none() {
            let (time, zone) = split_zone(word);
            found.time =
                Some(time_of(time, afternoon).ok_or_else(|| invalid(kind, text))?.ok_or_else(|| beyond(text))?);
            if let Some(zone) = zone {
                found.zone = Some(Zone::parse(zone)?);
            }
        } else if word.starts_with(|c: char| c.is_ascii_digit()) && found.date.is_none() {
            let date = date_of(word).ok_or_else(|| invalid(kind, text))?;
            found.date = Some(date.ok_or_else(|| beyond(text))?);
        } else if found.time.is_some() && found.zone.is_none() {
            found.zone = Some(Zone::parse(word).map_err(|_| invalid(kind, text))?);
        } else {
            return Err(invalid(kind, text));
        }
    }
    if afternoon.is_some() && found.time.is_none() {
        return Err(invalid(kind, text));
    }
    Ok(found)
}

/// A time and the zone that is written behind it.
fn split_zone(word: &str) -> (&str, Option<&str>) {
    let behind = word.find(|c: char| c == '+' || c == '-' || c.is_ascii_alphabetic());
    match behind {
        Some(at) => (&word[..at], Some(&word[at..])),
        None => (word, None),
    }
}

/// A whole number of digits and nothing else.
fn number(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days since 1970; `Some(None)` if there is no such day.
fn date_of(word: &str) -> Option<Option<i64>> {
    let split = |by: char| word.split(by).collect::<Vec<_>>();
    let (year, month, day) = if let [year, month, day] = split('-').as_slice() {
        if year.len() < 3 {
            return None;
        }
        (number(year)?, number(month)?, number(day)?)
    } else if let [one, two, three] = split('/').as_slice() {
        if one.len() > 2 {
            (number(one)?, number(two)?, number(three)?)
        } else if three.len() > 2 {
            (number(three)?, number(one)?, number(two)?)
        } else {
            return None;
        }
    } else if word.len() == 8 {
        let all = number(word)?;
        (all / 10_000, all / 100 % 100, all % 100)
    } else {
        return None;
    };
    let there = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day) && year >= 1;
    Some(there.then(|| days(year, month, day)))
}

/// Microseconds since midnight; `Some(None)` if there is no such time.
fn time_of(word: &str, afternoon: Option<bool>) -> Option<Option<i64>> {
    let numbers: Vec<&str> = word.split(':').collect();
    let (hours, minutes, seconds) = match numbers.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, micros_of(seconds)?),
        _ => return None,
    };
    let hours = match afternoon {
        None => hours,
        Some(_) if !(1..=12).contains(&hours) => return Some(None),
        Some(afternoon) => hours % 12 + if afternoon { 12 } else { 0 },
    };
    let time = hours * HOUR + minutes * MINUTE + seconds;
    Some((minutes < 60 && seconds <= 60 * SECOND && hours <= 24 && time <= DAY).then_some(time))
}

/// Seconds with a fraction, in microseconds.
fn micros_of(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: f64 = format!("0.{part}0").parse().ok()?;
    Some(number(whole)? * SECOND + (fraction * 1e6).round_ties_even() as i64)
}

/// A `date`; a time behind it is not looked at.
pub fn date(text: &str) -> Result<i64> {
    read(text, "date")?.date.ok_or_else(|| invalid("date", text))
}

/// A `time`; a date before it, or a zone behind it, is not looked at.
pub fn time(text: &str) -> Result<i64> {
    let found = read(text, "time")?;
    if matches!(found.zone, Some(Zone::Named(_))) && found.date.is_none() {
        return Err(invalid("time", text));
    }
    found.time.ok_or_else(|| invalid("time", text))
}

/// A `timestamp`; a zone behind it is not looked at.
pub fn timestamp(text: &str) -> Result<i64> {
    let found = read(text, "timestamp")?;
    let date = found.date.ok_or_else(|| invalid("timestamp", text))?;
    crate::sql::calendar::timestamp(date, found.time.unwrap_or(0))
}

/// A `timestamptz`, which is in the session's zone unless it says otherwise.
pub fn timestamptz(text: &str, session: &Zone) -> Result<i64> {
    let found = read(text, "timestamp with time zone")?;
    let date = found.date.ok_or_else(|| invalid("timestamp with time zone", text))?;
    let local = crate::sql::calendar::timestamp(date, found.time.unwrap_or(0))?;
    let zone = match found.zone {
        Some(Zone::Named(zone)) => Zone::Named(zone),
        Some(Zone::Fixed(offset)) => Zone::Fixed(offset),
        None => *session,
    };
    crate::sql::calendar::checked(zone.utc_of(local)?)
}

/// Microseconds, or whole months, of a unit.
enum Unit {
    Micros(i64),
    Days(i64),
    Months(i64),
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" | "microsecon" => Unit::Micros(1),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" | "mseconds" => Unit::Micros(1000),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Micros(SECOND),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Micros(MINUTE),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Micros(HOUR),
        "d" | "day" | "days" => Unit::Days(1),
        "w" | "week" | "weeks" => Unit::Days(7),
        "mon" | "mons" | "month" | "months" => Unit::Months(1),
        "qtr" | "quarter" | "quarters" => Unit::Months(3),
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        "dec" | "decs" | "decade" | "decades" => Unit::Months(120),
        "c" | "cent" | "century" | "centuries" => Unit::Months(1200),
        "mil" | "mils" | "millennium" | "millennia" => Unit::Months(12_000),
        _ => return None,
    })
}

/// An `interval`: amounts with units, a time, `1-2` for years and months, or ISO 8601's `P1Y2M3DT4H`. An amount without a
/// unit is of `default`.
pub fn interval(text: &str, default: &str) -> Result<Interval> {
    let wrong = || invalid("interval", text);
    let lower = text.trim_matches(space).to_lowercase();
    let mut total = Interval::default();
    if let Some(iso) = lower.strip_prefix('p') {
        iso_interval(iso, &mut total).ok_or_else(wrong)?;
        return total.add(Interval::default());
    }
    let tokens = tokens(&lower);
    let (tokens, ago) = match tokens.split_last() {
        Some((last, rest)) if last == "ago" => (rest, true),
        _ => (&tokens[..], false),
    };
    let tokens = match tokens.split_first() {
        Some((first, rest)) if first == "@" => rest,
        _ => tokens,
    };
    if tokens.is_empty() {
        return Err(wrong());
    }
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if token.contains(':') {
            total.micros += signed_time(token).ok_or_else(wrong)?;
            continue;
        }
        if let Some((years, months)) = years_and_months(token) {
            total.months += years * 12 + months;
            continue;
        }
        let named = tokens.get(at).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
        at += usize::from(named.is_some());
        // Before a time, an amount without a unit is days.
        let before_time = tokens.get(at).is_some_and(|next| next.contains(':'));
        let word = named.map_or(if before_time { "day" } else { default }, String::as_str);
        add_amount(&mut total, token, &unit(word).ok_or_else(wrong)?).ok_or_else(wrong)?;
    }
    if ago {
        total = total.negate();
    }
    total.add(Interval::default())
}

/// Numbers, times and words.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![];
    for word in text.split(space).filter(|word| !word.is_empty()) {
        let first = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, name) = word.split_at(first);
        tokens.extend([number, name].iter().filter(|part| !part.is_empty()).map(|&part| part.to_owned()));
    }
    tokens
}

fn signed_time(token: &str) -> Option<i64> {
    let (sign, rest) = match token.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, token.strip_prefix('+').unwrap_or(token)),
    };
    let numbers: Vec<&str> = rest.split(':').collect();
    let (hours, minutes, seconds) = match numbers.as_slice() {
        [minutes, seconds] if seconds.contains('.') => (0, number(minutes)?, micros_of(seconds)?),
        [hours, minutes] => (number(hours)?, number(minutes)?, 0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, micros_of(seconds)?),
        _ => return None,
    };
    if minutes >= 60 || seconds >= 60 * SECOND {
        return None;
    }
    hours.checked_mul(HOUR).map(|hours| sign * (hours + minutes * MINUTE + seconds))
}

fn years_and_months(token: &str) -> Option<(i64, i64)> {
    let (sign, rest) = match token.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, token.strip_prefix('+').unwrap_or(token)),
    };
    let (years, months) = rest.split_once('-')?;
    let (years, months) = (number(years)?, number(months)?);
    (months < 12).then_some((sign * years, sign * months))
}

/// An amount with a fraction: what is left of a month becomes days, and of a day time.
fn add_amount(total: &mut Interval, amount: &str, unit: &Unit) -> Option<()> {
    let (sign, rest) = match amount.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, amount.strip_prefix('+').unwrap_or(amount)),
    };
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    if !part.bytes().all(|byte| byte.is_ascii_digit()) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { number(whole)? } * sign;
    let fraction = format!("0.{part}0").parse::<f64>().ok()? * sign as f64;
    match unit {
        Unit::Micros(unit) => {
            total.micros = total.micros.checked_add(whole.checked_mul(*unit)?)?;
            total.micros += (fraction * *unit as f64).round_ties_even() as i64;
        }
        Unit::Days(unit) => {
            total.days += whole.checked_mul(*unit)?;
            let days = fraction * *unit as f64;
            total.days += days.trunc() as i64;
            total.micros += (days.fract() * DAY as f64).round_ties_even() as i64;
        }
        Unit::Months(unit) => {
            total.months += whole.checked_mul(*unit)?;
            let months = fraction * *unit as f64;
            if *unit == 1 {
                let days = months * 30.0;
                total.days += days.trunc() as i64;
                total.micros += (days.fract() * DAY as f64).round_ties_even() as i64;
            } else {
                total.months += months.round_ties_even() as i64;
            }
        }
    }
    Some(())
}

fn iso_interval(text: &str, total: &mut Interval) -> Option<()> {
    let (date, time) = text.split_once('t').unwrap_or((text, ""));
    for (part, units) in [(date, "ymwd"), (time, "hms")] {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let letter = rest[end..].chars().next().filter(|letter| units.contains(*letter))?;
            let name = match letter {
                'm' if units == "ymwd" => "month",
                'm' => "minute",
                'y' => "year",
                'w' => "week",
                'd' => "day",
                'h' => "hour",
                _ => "second",
            };
            add_amount(total, &rest[..end], &unit(name)?)?;
            rest = &rest[end + 1..];
        }
    }
    (!text.is_empty()).then_some(())
}
