//! `numeric` as PostgreSQL computes it: exact, with a scale that each value has of its own.
//!
//! <https://www.postgresql.org/docs/current/datatype-numeric.html#DATATYPE-NUMERIC-DECIMAL>; how many digits a quotient
//! or a root has is not written there, but in `select_div_scale` and its neighbours of `numeric.c`.

#![expect(
    clippy::cast_possible_wrap,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

pub mod pattern;
pub mod quotient;
mod text;
mod transcendental;

use super::failed::failed;
use datafusion::{arrow::datatypes::i256, error::Result};
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;

/// Significant digits that a quotient has at least.
const SIGNIFICANT: i64 = 16;
/// Decimal digits of one of PostgreSQL's digits.
const GROUP: i64 = 4;
/// The most digits behind the point.
const MOST_SCALE: i64 = 1000;

/// A decimal number: `digits / 10^scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numeric {
    /// All its digits.
    pub digits: BigInt,
    /// How many of them stand behind the point.
    pub scale: u32,
}

/// Ten to the power of `n`.
pub fn power_of_ten(n: u32) -> BigInt {
    BigInt::from(10u8).pow(n)
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Self {
        Self { digits: value.into(), scale: 0 }
    }
}

impl From<u64> for Numeric {
    fn from(value: u64) -> Self {
        Self { digits: value.into(), scale: 0 }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.compare(other))
    }
}

impl Numeric {
    /// A decimal of Arrow's.
    pub fn new(digits: impl Into<BigInt>, scale: i8) -> Self {
        let digits = digits.into();
        match u32::try_from(scale) {
            Ok(scale) => Self { digits, scale },
            Err(_) => Self { digits: digits * power_of_ten(u32::from(scale.unsigned_abs())), scale: 0 },
        }
    }

    /// The same of 256 bits.
    pub fn wide(digits: i256, scale: i8) -> Self {
        Self::new(BigInt::from_signed_bytes_le(&digits.to_le_bytes()), scale)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.sign() == Sign::NoSign
    }

    /// Whether it is less than zero.
    pub fn is_negative(&self) -> bool {
        self.digits.sign() == Sign::Minus
    }

    /// The digits at a scale that is not smaller.
    fn at(&self, scale: u32) -> BigInt {
        &self.digits * power_of_ten(scale - self.scale)
    }

    /// The order of two values, whatever their scales.
    pub fn compare(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at(scale).cmp(&other.at(scale))
    }

    /// The sum, at the larger scale.
    pub fn add(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { digits: self.at(scale) + other.at(scale), scale }
    }

    /// The difference, at the larger scale.
    pub fn subtract(&self, other: &Self) -> Self {
        self.add(&other.negate())
    }

    /// The opposite.
    pub fn negate(&self) -> Self {
        Self { digits: -&self.digits, scale: self.scale }
    }

    /// Its size without a sign.
    pub fn abs(&self) -> Self {
        if self.is_negative() { self.negate() } else { self.clone() }
    }

    /// The product, exactly.
    pub fn multiply(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, scale: self.scale + other.scale }
    }

    /// The place of its first group of four digits, and what stands there.
    fn leading(&self) -> (i64, i64) {
        if self.is_zero() {
            return (0, 0);
        }
        let text = self.digits.magnitude().to_string();
        let exponent = text.len() as i64 - 1 - i64::from(self.scale);
        let weight = exponent.div_euclid(GROUP);
        let length = usize::try_from(exponent.rem_euclid(GROUP) + 1).unwrap_or(1);
        let padded = format!("{text:0<length$}");
        (weight, padded[..length].parse().unwrap_or(0))
    }

    /// How many digits a quotient gets behind its point.
    fn quotient_scale(&self, other: &Self) -> u32 {
        let ((weight, digit), (other_weight, other_digit)) = (self.leading(), other.leading());
        let weight = weight - other_weight - i64::from(digit <= other_digit);
        let scale = SIGNIFICANT - weight * GROUP;
        scaled(scale.max(i64::from(self.scale)).max(i64::from(other.scale)))
    }

    /// The quotient as PostgreSQL gives it: at least 16 significant digits, rounded half away from zero.
    pub fn divide(&self, other: &Self) -> Result<Self> {
        let scale = self.quotient_scale(other);
        self.divide_at(other, scale)
    }

    /// The quotient at a scale, rounded half away from zero.
    pub fn divide_at(&self, other: &Self, scale: u32) -> Result<Self> {
        if other.is_zero() {
            return Err(failed("division by zero"));
        }
        let numerator = &self.digits * power_of_ten(scale + other.scale);
        let denominator = &other.digits * power_of_ten(self.scale);
        Ok(Self { digits: rounded_quotient(&numerator, &denominator), scale })
    }

    /// What is left by a division whose quotient is cut off; it has the sign of the dividend.
    pub fn remainder(&self, other: &Self) -> Result<Self> {
        if other.is_zero() {
            return Err(failed("division by zero"));
        }
        let scale = self.scale.max(other.scale);
        Ok(Self { digits: self.at(scale) % other.at(scale), scale })
    }

    /// The whole quotient, cut off.
    pub fn whole_quotient(&self, other: &Self) -> Result<Self> {
        if other.is_zero() {
            return Err(failed("division by zero"));
        }
        let scale = self.scale.max(other.scale);
        Ok(Self { digits: self.at(scale) / other.at(scale), scale: 0 })
    }

    /// The number with `places` digits behind the point, or rounded before it, half away from zero.
    pub fn round(&self, places: i64) -> Self {
        self.shortened(places, rounded_quotient)
    }

    /// The same, cut off.
    pub fn truncate(&self, places: i64) -> Self {
        self.shortened(places, |value, unit| value / unit)
    }

    fn shortened(&self, places: i64, divide: impl Fn(&BigInt, &BigInt) -> BigInt) -> Self {
        let places = places.clamp(-2000, 2000);
        let scale = u32::try_from(places.max(0)).unwrap_or(0);
        let dropped = i64::from(self.scale) - places;
        let Ok(dropped) = u32::try_from(dropped) else { return Self { digits: self.at(scale), scale } };
        let kept = divide(&self.digits, &power_of_ten(dropped));
        let before = u32::try_from(-places.min(0)).unwrap_or(0);
        Self { digits: kept * power_of_ten(before), scale }
    }

    /// The greatest whole number that is not greater.
    pub fn floor(&self) -> Self {
        let cut = self.truncate(0);
        if self.is_negative() && cut.compare(self) != Ordering::Equal { cut.add(&Self::from(-1i64)) } else { cut }
    }

    /// The least whole number that is not less.
    pub fn ceil(&self) -> Self {
        self.negate().floor().negate()
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> Self {
        Self::from(match self.digits.sign() {
            Sign::Minus => -1i64,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        })
    }

    /// The same value without zeros at its end.
    pub fn trimmed(&self) -> Self {
        let mut value = self.clone();
        let ten = BigInt::from(10u8);
        while value.scale > 0 && (&value.digits % &ten).sign() == Sign::NoSign {
            value.digits /= &ten;
            value.scale -= 1;
        }
        value
    }

    /// The digits of a column with this scale, if no digit that counts is lost.
    pub fn exactly_at(&self, scale: u32) -> Option<BigInt> {
        if self.scale <= scale {
            return Some(self.at(scale));
        }
        let unit = power_of_ten(self.scale - scale);
        ((&self.digits % &unit).sign() == Sign::NoSign).then(|| &self.digits / &unit)
    }

    /// The whole number that is nearest, half away from zero, if it fits.
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(&self.round(0).digits).ok()
    }

    /// The double that is nearest.
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

/// A scale within PostgreSQL's bounds.
fn scaled(scale: i64) -> u32 {
    u32::try_from(scale.clamp(0, MOST_SCALE)).unwrap_or(0)
}

/// A quotient, rounded half away from zero.
pub fn rounded_quotient(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let quotient = numerator / denominator;
    let rest = numerator % denominator;
    let twice: BigInt = rest * 2;
    if twice.magnitude() < denominator.magnitude() {
        return quotient;
    }
    let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    if negative { quotient - 1 } else { quotient + 1 }
}
