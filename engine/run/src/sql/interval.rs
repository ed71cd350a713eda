//! `interval`: months, days and time, each counted on its own.
//!
//! <https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-INTERVAL-INPUT>

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{failed::failed, units::DAY};
use datafusion::{arrow::datatypes::IntervalMonthDayNano, error::Result};

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months
    pub months: i64,
    /// Days
    pub days: i64,
    /// Microseconds
    pub micros: i64,
}

/// Days of a month where nobody says of which.
const MONTH_DAYS: f64 = 30.0;
/// Seconds of a day.
const DAY_SECONDS: f64 = 86_400.0;

fn out_of_range() -> datafusion::error::DataFusionError {
    failed("interval out of range")
}

impl Interval {
    /// One of Arrow's.
    pub fn from_arrow(value: IntervalMonthDayNano) -> Self {
        Self { months: value.months.into(), days: value.days.into(), micros: value.nanoseconds / 1000 }
    }

    /// As one of Arrow's, which counts nanoseconds.
    pub fn to_arrow(self) -> Result<IntervalMonthDayNano> {
        let narrow = |value: i64| i32::try_from(value).map_err(|_| out_of_range());
        let nanos = self.micros.checked_mul(1000).ok_or_else(out_of_range)?;
        Ok(IntervalMonthDayNano::new(narrow(self.months)?, narrow(self.days)?, nanos))
    }

    /// The sum of each part.
    pub fn add(self, other: Self) -> Result<Self> {
        let micros = self.micros.checked_add(other.micros).ok_or_else(out_of_range)?;
        Self { months: self.months + other.months, days: self.days + other.days, micros }.checked()
    }

    /// The opposite of each part.
    pub fn negate(self) -> Self {
        Self { months: -self.months, days: -self.days, micros: -self.micros }
    }

    /// Each part times a factor; what is left of a month becomes days, and of a day time.
    pub fn multiply(self, factor: f64) -> Result<Self> {
        self.each(|part| part * factor)
    }

    /// The same by a divisor.
    pub fn divide(self, divisor: f64) -> Result<Self> {
        if divisor == 0.0 {
            return Err(failed("division by zero"));
        }
        self.each(|part| part / divisor)
    }

    fn each(self, scaled: impl Fn(f64) -> f64) -> Result<Self> {
        let (months, days) = (scaled(self.months as f64), scaled(self.days as f64));
        let micros = scaled(self.micros as f64);
        if !months.is_finite() || !days.is_finite() || !micros.is_finite() {
            return Err(out_of_range());
        }
        let month_days = round_micros((months - months.trunc()) * MONTH_DAYS);
        let mut seconds = round_micros((days - days.trunc() + month_days - month_days.trunc()) * DAY_SECONDS);
        let mut whole = days.trunc();
        if seconds.abs() >= DAY_SECONDS {
            whole += (seconds / DAY_SECONDS).trunc();
            seconds -= (seconds / DAY_SECONDS).trunc() * DAY_SECONDS;
        }
        let micros = (micros + seconds * 1e6).round_ties_even();
        if micros.abs() >= 9.2e18 || months.abs() >= 2_147_483_648.0 || whole.abs() >= 2_147_483_648.0 {
            return Err(out_of_range());
        }
        Self { months: months.trunc() as i64, days: (whole + month_days.trunc()) as i64, micros: micros as i64 }
            .checked()
    }

    fn checked(self) -> Result<Self> {
        self.to_arrow().map(|_| self)
    }

    /// Its length in microseconds, where a month has 30 days and a day 24 hours.
    pub fn length(self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * i128::from(DAY) + i128::from(self.micros)
    }

    /// With whole days of 24 hours taken out of the time.
    pub fn justify_hours(self) -> Self {
        let mut result = Self { days: self.days + self.micros / DAY, micros: self.micros % DAY, ..self };
        if result.days > 0 && result.micros < 0 {
            result.days -= 1;
            result.micros += DAY;
        } else if result.days < 0 && result.micros > 0 {
            result.days += 1;
            result.micros -= DAY;
        }
        result
    }

    /// With whole months of 30 days taken out of the days.
    pub fn justify_days(self) -> Self {
        let mut result = Self { months: self.months + self.days / 30, days: self.days % 30, ..self };
        if result.months > 0 && result.days < 0 {
            result.days += 30;
            result.months -= 1;
        } else if result.months < 0 && result.days > 0 {
            result.days -= 30;
            result.months += 1;
        }
        result
    }
}

fn round_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}
