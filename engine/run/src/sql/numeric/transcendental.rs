//! Roots, powers and logarithms of `numeric`, with as many digits as PostgreSQL gives.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{GROUP, Numeric, SIGNIFICANT, power_of_ten, rounded_quotient, scaled};
use crate::sql::failed::failed;
use datafusion::error::Result;
use num_bigint::BigInt;
use std::{
    cmp::Ordering,
    f64::consts::{LN_10, LOG10_E},
};

/// Digits computed beyond those that are kept.
const GUARD: u32 = 25;
/// Digits before the point that a power may have.
const LARGEST: f64 = 131_072.0;

impl Numeric {
    /// The square root.
    pub fn sqrt(&self) -> Result<Self> {
        if self.is_negative() {
            return Err(failed("cannot take square root of a negative number"));
        }
        let weight = (self.leading().0 + 1) * GROUP / 2 - 1;
        let scale = scaled((SIGNIFICANT - weight).max(i64::from(self.scale)));
        let guarded = scale + GUARD;
        let root = (&self.digits * power_of_ten(2 * guarded - self.scale)).sqrt();
        Ok(Self { digits: root, scale: guarded }.round(i64::from(scale)))
    }

    /// The natural logarithm.
    pub fn ln(&self) -> Result<Self> {
        self.positive()?;
        let scale = scaled((SIGNIFICANT - self.ln_weight()).max(i64::from(self.scale)));
        Ok(self.ln_at(scale))
    }

    /// The logarithm to a base.
    pub fn log(&self, base: &Self) -> Result<Self> {
        base.positive()?;
        self.positive()?;
        let weight = self.ln_weight() - base.ln_weight();
        let scale = (SIGNIFICANT - weight).max(i64::from(self.scale)).max(i64::from(base.scale));
        let scale = scaled(scale);
        self.ln_at(scale + GUARD).divide_at(&base.ln_at(scale + GUARD), scale)
    }

    /// e to the power of it.
    pub fn exp(&self) -> Result<Self> {
        let weight = self.to_f64() * LOG10_E;
        if weight >= LARGEST {
            return Err(failed("value overflows numeric format"));
        }
        let scale = scaled((SIGNIFICANT - weight.max(-2000.0) as i64).max(i64::from(self.scale)));
        if weight < -2000.0 {
            return Ok(Self { digits: BigInt::ZERO, scale });
        }
        Ok(self.exp_at(scale, weight))
    }

    /// A power.
    pub fn power(&self, exponent: &Self) -> Result<Self> {
        if self.is_zero() && exponent.is_negative() {
            return Err(failed("zero raised to a negative power is undefined"));
        }
        if let Some(whole) = exponent.exactly_at(0) {
            if let Ok(whole) = i32::try_from(&whole) {
                return self.whole_power(whole, exponent.scale);
            }
        } else if self.is_negative() {
            return Err(failed("a negative number raised to a non-integer power yields a complex result"));
        }
        if self.is_zero() {
            return Ok(Self { digits: BigInt::ZERO, scale: SIGNIFICANT as u32 });
        }
        let base = self.abs();
        let near = base.ln_at(scaled(8 - base.ln_weight()));
        let weight = near.multiply(exponent).to_f64() * LOG10_E;
        if weight.abs() >= LARGEST {
            return Err(failed("value overflows numeric format"));
        }
        let scale = (SIGNIFICANT - weight as i64).max(i64::from(self.scale)).max(i64::from(exponent.scale));
        let scale = scaled(scale);
        let more =
            scale + GUARD + (weight.abs() as u32).min(2000) + exponent.digits.magnitude().to_string().len() as u32;
        let raised = base.ln_at(more).multiply(exponent).round(i64::from(more));
        Ok(raised.exp_at(scale, weight))
    }

    fn whole_power(&self, exponent: i32, exponent_scale: u32) -> Result<Self> {
        let weight = if self.is_zero() { 0.0 } else { f64::from(exponent) * self.log10() };
        if weight > LARGEST {
            return Err(failed("value overflows numeric format"));
        }
        if weight + 1.0 < -(super::MOST_SCALE as f64) {
            return Ok(Self { digits: BigInt::ZERO, scale: super::MOST_SCALE as u32 });
        }
        let scale = (SIGNIFICANT - weight as i64).max(i64::from(self.scale)).max(i64::from(exponent_scale));
        let scale = scaled(scale);
        let times = exponent.unsigned_abs();
        let raised = Self { digits: self.digits.pow(times), scale: self.scale * times };
        if exponent < 0 { Self::from(1i64).divide_at(&raised, scale) } else { Ok(raised.round(i64::from(scale))) }
    }

    /// Its decimal logarithm, about.
    fn log10(&self) -> f64 {
        let text = self.digits.magnitude().to_string();
        let kept = text.len().min(16);
        let first: f64 = text[..kept].parse().unwrap_or(1.0);
        first.log10() + (text.len() - kept) as f64 - f64::from(self.scale)
    }

    fn positive(&self) -> Result<()> {
        if self.is_zero() {
            return Err(failed("cannot take logarithm of zero"));
        }
        if self.is_negative() {
            return Err(failed("cannot take logarithm of a negative number"));
        }
        Ok(())
    }

    /// The decimal place of the first digit of the natural logarithm, as PostgreSQL estimates it.
    fn ln_weight(&self) -> i64 {
        let within = |low: &str, high: &str| {
            let bound = |text: &str| Self::parse(text).expect("a number");
            self.compare(&bound(low)) != Ordering::Less && self.compare(&bound(high)) != Ordering::Greater
        };
        if within("0.9", "1.1") {
            let from_one = self.subtract(&Self::from(1i64));
            if from_one.is_zero() {
                return 0;
            }
            let (weight, digit) = from_one.leading();
            return weight * GROUP + (digit as f64).log10() as i64;
        }
        let ln = self.log10_of_two_groups();
        ln.abs().log10() as i64
    }

    /// The natural logarithm of its first two groups of digits.
    fn log10_of_two_groups(&self) -> f64 {
        let (weight, first) = self.leading();
        let text = self.digits.magnitude().to_string();
        let length = first.to_string().len();
        let rest = &text[length.min(text.len())..];
        if rest.trim_end_matches('0').is_empty() {
            return (first as f64).ln() + (weight * GROUP) as f64 * LN_10;
        }
        let second: i64 = format!("{rest:0<4}")[..4].parse().unwrap_or(0);
        ((first * 10_000 + second) as f64).ln() + ((weight - 1) * GROUP) as f64 * LN_10
    }

    /// The natural logarithm at a scale: roots bring it near one, and then a series of its tangent converges quickly.
    fn ln_at(&self, scale: u32) -> Self {
        let digits = scale + GUARD + 10;
        let one = power_of_ten(digits);
        let size = self.log10().abs() as u32 + 2;
        let work = digits + size;
        let unit = power_of_ten(work);
        let mut value: BigInt = if work >= self.scale {
            &self.digits * power_of_ten(work - self.scale)
        } else {
            rounded_quotient(&self.digits, &power_of_ten(self.scale - work))
        };
        let (high, low): (BigInt, BigInt) = (&unit + &unit / 100, &unit - &unit / 100);
        let mut halvings = 0u32;
        while value > high || value < low {
            value = (&value * &unit).sqrt();
            halvings += 1;
        }
        let ratio: BigInt = ((&value - &unit) * &unit) / (&value + &unit);
        let square = &ratio * &ratio / &unit;
        let (mut term, mut sum, mut n) = (ratio.clone(), ratio, 1u32);
        while term.magnitude().bits() > 0 {
            term = &term * &square / &unit;
            n += 2;
            sum += &term / n;
        }
        let ln: BigInt = (sum * 2) << halvings;
        let ln = rounded_quotient(&ln, &(unit / one));
        Self { digits: ln, scale: digits }.round(i64::from(scale))
    }

    /// e to the power of it at a scale: a small part of the exponent by its series, then squared.
    fn exp_at(&self, scale: u32, weight: f64) -> Self {
        let work = scale + GUARD + 10 + weight.abs() as u32 * 2;
        let unit = power_of_ten(work);
        let exponent: BigInt = if work >= self.scale {
            &self.digits * power_of_ten(work - self.scale)
        } else {
            rounded_quotient(&self.digits, &power_of_ten(self.scale - work))
        };
        let halvings = u32::try_from(exponent.bits().saturating_sub(unit.bits()) + 8).unwrap_or(8);
        let extra = halvings + 5;
        let unit = unit * power_of_ten(extra);
        let small: BigInt = (exponent * power_of_ten(extra)) >> halvings;
        let (mut term, mut sum, mut n) = (unit.clone(), unit.clone(), 0u32);
        while term.magnitude().bits() > 0 {
            n += 1;
            term = &term * &small / &unit / n;
            sum += &term;
        }
        for _ in 0..halvings {
            sum = &sum * &sum / &unit;
        }
        Self { digits: sum, scale: work + extra }.round(i64::from(scale))
    }
}
