//! How a `numeric` is written and read.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::Numeric;
use crate::sql::failed::failed;
use datafusion::error::Result;
use num_bigint::BigInt;
use std::{fmt, str::FromStr};

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits.magnitude().to_string(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let sign = if self.is_negative() { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{part}")
    }
}

/// The most digits that an exponent may move the point.
const FARTHEST: i64 = 2000;

impl Numeric {
    /// What `numeric_in` reads: a sign, digits with at most one point among them, an exponent, spaces around.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || failed(format!("invalid input syntax for type numeric: \"{text}\""));
        let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
        if ["nan", "infinity", "+infinity", "-infinity", "inf", "+inf", "-inf"]
            .contains(&trimmed.to_lowercase().as_str())
        {
            return Err(failed(format!("the numeric \"{trimmed}\" is not supported: only numbers with digits are")));
        }
        let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent).ok_or_else(invalid)?),
            None => (trimmed, 0),
        };
        let (sign, unsigned) = match mantissa.strip_prefix(['-', '+']) {
            Some(rest) => (if mantissa.starts_with('-') { "-" } else { "" }, rest),
            None => ("", mantissa),
        };
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{part}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number = BigInt::from_str(&format!("{sign}{digits}")).map_err(|_| invalid())?;
        let scale = part.len() as i64 - exponent;
        if !(-FARTHEST..=FARTHEST).contains(&scale) {
            return Err(failed("value overflows numeric format"));
        }
        Ok(match u32::try_from(scale) {
            Ok(scale) => Self { digits: number, scale },
            Err(_) => Self { digits: number * super::power_of_ten(scale.unsigned_abs() as u32), scale: 0 },
        })
    }
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(i64::from(i32::MAX)))
}

impl Numeric {
    /// A float as `numeric`: what its shortest spelling of 15 digits says, 6 of a `real`.
    pub fn from_float(value: f64, digits: usize) -> Result<Self> {
        if !value.is_finite() {
            return Err(failed(format!("cannot convert {} to numeric", super::super::text::float8(value))));
        }
        Self::parse(&format!("{:.*e}", digits - 1, value)).map(|value| value.trimmed())
    }
}
