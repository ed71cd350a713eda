//! The time zone in which a session reads and writes times: UTC, unless the project says otherwise.
//!
//! <https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-TIMEZONES>

use super::{
    failed::failed,
    units::{MINUTE, SECOND},
};
use chrono::{DateTime, LocalResult, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::{common::config::ConfigOptions, error::Result};

/// A zone by its name, or so many microseconds east of Greenwich.
#[derive(Clone, Copy, Debug)]
pub enum Zone {
    /// Such as `Europe/Berlin`.
    Named(Tz),
    /// Such as `+02:00`.
    Fixed(i64),
}

impl Zone {
    /// The session's.
    pub fn of(options: &ConfigOptions) -> Result<Self> {
        match options.execution.time_zone.as_deref() {
            None => Ok(Self::Named(Tz::UTC)),
            Some(name) => Self::parse(name),
        }
    }

    /// A zone's name, whatever its case, or an offset as ISO 8601 writes it: `+02` is east.
    pub fn parse(name: &str) -> Result<Self> {
        if name.eq_ignore_ascii_case("z") {
            return Ok(Self::Fixed(0));
        }
        if let Some(offset) = offset(name) {
            return Ok(Self::Fixed(offset));
        }
        let named = |zone: &&Tz| zone.name().eq_ignore_ascii_case(name);
        let zone = name.parse::<Tz>().ok().or_else(|| chrono_tz::TZ_VARIANTS.iter().find(named).copied());
        zone.map(Self::Named).ok_or_else(|| failed(format!("time zone \"{name}\" not recognized")))
    }

    /// As `at time zone` reads a name: there an offset counts towards the west, as POSIX does.
    pub fn posix(name: &str) -> Result<Self> {
        Ok(match Self::parse(name)? {
            Self::Fixed(offset) if !name.eq_ignore_ascii_case("z") => Self::Fixed(-offset),
            zone => zone,
        })
    }

    /// How far the clock on the wall is ahead of UTC at an instant, in microseconds.
    pub fn offset(&self, us: i64) -> Result<i64> {
        match self {
            Self::Fixed(offset) => Ok(*offset),
            Self::Named(zone) => {
                let at = DateTime::from_timestamp_micros(us).ok_or_else(|| failed("timestamp out of range"))?;
                Ok(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()) * SECOND)
            }
        }
    }

    /// The time on the wall at an instant.
    pub fn local_of(&self, us: i64) -> Result<i64> {
        Ok(us + self.offset(us)?)
    }

    /// The instant at which the wall has a time: of two the later, and of none the one that the clock would have had
    /// without being set forward.
    pub fn utc_of(&self, local: i64) -> Result<i64> {
        let Self::Named(zone) = self else { return Ok(local - self.offset(0)?) };
        let out = || failed("timestamp out of range");
        let at = DateTime::from_timestamp_micros(local).ok_or_else(out)?.naive_utc();
        let offset = match zone.offset_from_local_datetime(&at) {
            LocalResult::Single(offset) => offset,
            LocalResult::Ambiguous(one, two) => {
                if one.fix().local_minus_utc() < two.fix().local_minus_utc() {
                    one
                } else {
                    two
                }
            }
            LocalResult::None => {
                let before = at.checked_sub_signed(TimeDelta::hours(24)).ok_or_else(out)?;
                zone.offset_from_local_datetime(&before).earliest().ok_or_else(out)?
            }
        };
        Ok(local - i64::from(offset.fix().local_minus_utc()) * SECOND)
    }
}

/// `+02`, `-0330`, `+05:30`, `+00:00:01`, in microseconds.
pub fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let rest = &text[1..];
    let numbers: Vec<&str> = match rest.len() {
        _ if rest.contains(':') => rest.split(':').collect(),
        1 | 2 => vec![rest],
        3 => vec![&rest[..1], &rest[1..]],
        4 => vec![&rest[..2], &rest[2..]],
        _ => return None,
    };
    if numbers.iter().any(|number| number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let number = |at: usize| numbers.get(at).map_or(Some(0), |number| number.parse::<i64>().ok());
    let (hours, minutes, seconds) = (number(0)?, number(1)?, number(2)?);
    (numbers.len() <= 3 && hours <= 15 && minutes < 60 && seconds < 60)
        .then_some(sign * ((hours * 60 + minutes) * MINUTE + seconds * SECOND))
}
