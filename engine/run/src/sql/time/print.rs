//! Dates, times and intervals as text: ISO 8601 with a space, and PostgreSQL's own style of intervals.

use crate::sql::{
    calendar::{date, parts},
    interval::Interval,
    session_zone::Zone,
    units::{DAY, HOUR, MINUTE, SECOND},
};
use datafusion::error::Result;
use std::fmt::Write as _;

/// `2026-01-31`, and ` BC` before the first year.
pub fn day(days: i64) -> String {
    let (year, month, day) = date(days);
    let (year, suffix) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    format!("{year:04}-{month:02}-{day:02}{suffix}")
}

/// `04:05:06.789`
pub fn time(us: i64) -> String {
    format!("{:02}:{:02}:{}", us / HOUR, us % HOUR / MINUTE, seconds(us % MINUTE))
}

fn seconds(us: i64) -> String {
    let fraction = us % SECOND;
    let whole = us / SECOND;
    if fraction == 0 {
        return format!("{whole:02}");
    }
    format!("{whole:02}.{fraction:06}").trim_end_matches('0').to_owned()
}

/// `2026-01-31 04:05:06.789`
pub fn timestamp(us: i64) -> String {
    stamped(us, "")
}

fn stamped(us: i64, zone: &str) -> String {
    let day = day(us.div_euclid(DAY));
    let (day, suffix) = day.strip_suffix(" BC").map_or((day.as_str(), ""), |day| (day, " BC"));
    format!("{day} {}{zone}{suffix}", time(parts(us).time))
}

/// The same with the offset of a zone at that moment.
pub fn timestamptz(us: i64, zone: &Zone) -> Result<String> {
    let offset = zone.offset(us)?;
    let size = offset.abs();
    let mut text = format!("{}{:02}", if offset < 0 { '-' } else { '+' }, size / HOUR);
    if size % HOUR != 0 {
        let _ = write!(text, ":{:02}", size % HOUR / MINUTE);
    }
    if size % MINUTE != 0 {
        let _ = write!(text, ":{:02}", size % MINUTE / SECOND);
    }
    Ok(stamped(us + offset, &text))
}

/// `1 year 2 mons 3 days 04:05:06`
pub fn interval(value: &Interval) -> String {
    let mut text = String::new();
    let mut before = false;
    for (amount, unit) in [(value.months / 12, "year"), (value.months % 12, "mon"), (value.days, "day")] {
        if amount != 0 {
            let space = if text.is_empty() { "" } else { " " };
            let plus = if before && amount > 0 { "+" } else { "" };
            let plural = if amount == 1 { "" } else { "s" };
            let _ = write!(text, "{space}{plus}{amount} {unit}{plural}");
            before = amount < 0;
        }
    }
    if text.is_empty() || value.micros != 0 {
        let space = if text.is_empty() { "" } else { " " };
        let sign = match value.micros {
            micros if micros < 0 => "-",
            _ if before => "+",
            _ => "",
        };
        let _ = write!(text, "{space}{sign}{}", time(value.micros.abs()));
    }
    text
}
