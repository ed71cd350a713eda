//! What the user wrote, as numbers and times.

use chrono::{NaiveDate, NaiveDateTime};
use engine_language::config::toml::{Value, ValueKind};
use std::str::FromStr;

/// The words of an SQL text that may be names; text in quotes is not.
pub fn words(sql: &str) -> Vec<String> {
    let mut words = vec![];
    for (i, part) in sql.split('\'').enumerate() {
        if i % 2 == 0 {
            let parts = part.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.extend(parts.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
    words
}

/// A value as text that is exactly it.
pub fn text(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => text.clone(),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(truth) => truth.to_string(),
        ValueKind::Array(_) | ValueKind::Table(_) => String::new(),
    }
}

/// A value as text that a decimal of this scale holds to the last digit.
pub fn decimal(value: &Value, scale: i8) -> Result<String, String> {
    let text = text(value);
    let digits = text.split_once('.').map_or("", |(_, digits)| digits.trim_end_matches('0'));
    if digits.len() > usize::try_from(scale).unwrap_or(0) {
        return Err(format!("`{text}` has more than {scale} digits after the point"));
    }
    Ok(text)
}

/// `now`, `-365d`, `+1h`, or an ISO date or time, in microseconds since 1970 UTC.
pub fn instant(value: &Value, now_us: i64) -> Result<i64, String> {
    let text = text(value);
    let text = text.trim();
    let span = |text: &str| {
        let duration = humantime::parse_duration(text.trim()).ok()?;
        i64::try_from(duration.as_micros()).ok()
    };
    let found = match text {
        "now" => Some(now_us),
        _ => match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(before), _) => span(before).map(|us| now_us - us),
            (_, Some(after)) => span(after).map(|us| now_us + us),
            _ => iso(text),
        },
    };
    found.ok_or_else(|| format!("`{text}` is no time: write `now`, `-365d` or `2026-01-31`"))
}

fn iso(text: &str) -> Option<i64> {
    let plain = text.trim_end_matches('Z').replacen('T', " ", 1);
    let time = NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f").ok();
    let time = time.or_else(|| NaiveDate::from_str(&plain).ok()?.and_hms_opt(0, 0, 0))?;
    Some(time.and_utc().timestamp_micros())
}
