//! The proleptic Gregorian calendar, in days and microseconds since 1970.

use super::{failed::failed, interval::Interval, session_zone::Zone, units::DAY};
use datafusion::error::Result;

/// The first day that is held, 4713-11-24 before Christ.
const FIRST_DAY: i64 = -2_440_588;
/// The first day that no timestamp reaches, 294277-01-01.
const AFTER_LAST: i64 = 106_751_992;
/// The first day that no date reaches, 5874898-01-01.
const AFTER_LAST_DATE: i64 = 2_145_042_541;

/// A moment by the parts of its date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Zero is the year before the first.
    pub year: i64,
    /// 1 to 12
    pub month: i64,
    /// 1 to 31
    pub day: i64,
    /// Microseconds since midnight
    pub time: i64,
}

/// The days from 1970-01-01 to a day.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of so many days since 1970-01-01.
pub fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// How many days a month has.
pub fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The parts of a timestamp.
pub fn parts(us: i64) -> Parts {
    let (year, month, day) = date(us.div_euclid(DAY));
    Parts { year, month, day, time: us.rem_euclid(DAY) }
}

/// The timestamp of a day and a time.
pub fn timestamp(days: i64, time: i64) -> Result<i64> {
    let us = days.checked_mul(DAY).and_then(|us| us.checked_add(time));
    us.ok_or_else(|| failed("timestamp out of range")).and_then(checked)
}

/// A timestamp within PostgreSQL's bounds.
pub fn checked(us: i64) -> Result<i64> {
    if (FIRST_DAY..AFTER_LAST).contains(&us.div_euclid(DAY)) { Ok(us) } else { Err(failed("timestamp out of range")) }
}

/// A date within PostgreSQL's bounds.
pub fn checked_date(days: i64) -> Result<i64> {
    if (FIRST_DAY..AFTER_LAST_DATE).contains(&days) { Ok(days) } else { Err(failed("date out of range")) }
}

/// ISO 8601's year, week and day of the week.
pub fn iso_week(days: i64) -> (i64, i64, i64) {
    let weekday = (days + 3).rem_euclid(7);
    let thursday = days - weekday + 3;
    let (year, _, _) = date(thursday);
    let week = (thursday - self::days(year, 1, 1)) / 7 + 1;
    (year, week, weekday + 1)
}

/// A timestamp moved by months, then days, then time; a day that a month does not have is its last.
pub fn moved(us: i64, by: &Interval) -> Result<i64> {
    let out = || failed("timestamp out of range");
    let mut at = parts(us);
    if by.months != 0 {
        let months = at.year * 12 + at.month - 1 + by.months;
        (at.year, at.month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        at.day = at.day.min(days_of_month(at.year, at.month));
    }
    let day = days(at.year, at.month, at.day) + by.days;
    let there = timestamp(day, at.time)?;
    there.checked_add(by.micros).ok_or_else(out).and_then(checked)
}

/// The same of an instant, whose months and days are those of a zone.
pub fn moved_in(us: i64, by: &Interval, zone: &Zone) -> Result<i64> {
    let there = if by.months == 0 && by.days == 0 {
        us
    } else {
        let days = Interval { micros: 0, ..*by };
        zone.utc_of(moved(zone.local_of(us)?, &days)?)?
    };
    there.checked_add(by.micros).ok_or_else(|| failed("timestamp out of range")).and_then(checked)
}

/// The time between two timestamps in days and time.
pub fn between(us: i64, other: i64) -> Result<Interval> {
    let micros = us.checked_sub(other).ok_or_else(|| failed("interval out of range"))?;
    Ok(Interval { months: 0, days: micros / DAY, micros: micros % DAY })
}

/// The time between two timestamps in years, months, days and time, as a person counts it.
pub fn age(us: i64, other: i64) -> Interval {
    let (one, two) = (parts(us), parts(other));
    let negative = us < other;
    let sign = if negative { -1 } else { 1 };
    let mut time = (one.time - two.time) * sign;
    let mut day = (one.day - two.day) * sign;
    let mut month = (one.month - two.month) * sign;
    let mut year = (one.year - two.year) * sign;
    if time < 0 {
        time += DAY;
        day -= 1;
    }
    let borrowed = if negative { one } else { two };
    while day < 0 {
        day += days_of_month(borrowed.year, borrowed.month);
        month -= 1;
    }
    while month < 0 {
        month += 12;
        year -= 1;
    }
    Interval { months: (year * 12 + month) * sign, days: day * sign, micros: time * sign }
}
