//! Quotients of numbers that 128 bits hold, without a big integer.

use super::{GROUP, SIGNIFICANT};

/// The place of the first group of four digits, and what stands there.
fn leading(value: i128, scale: u32) -> Option<(i64, u128)> {
    let size = value.unsigned_abs();
    let Some(digits) = size.checked_ilog10() else { return Some((0, 0)) };
    let exponent = i64::from(digits) - i64::from(scale);
    let weight = exponent.div_euclid(GROUP);
    let length = u32::try_from(exponent.rem_euclid(GROUP)).ok()?;
    let first = if digits >= length { size / 10u128.pow(digits - length) } else { size * 10u128.pow(length - digits) };
    Some((weight, first))
}

/// `x / 10^x_scale` by `y / 10^y_scale`, with the digits that PostgreSQL gives it, as digits at the scale `to`. `None` if
/// that takes a larger number on the way, or `y` is zero.
pub fn quotient(x: i128, x_scale: u32, y: i128, y_scale: u32, to: u32) -> Option<i128> {
    let ((x_weight, x_first), (y_weight, y_first)) = (leading(x, x_scale)?, leading(y, y_scale)?);
    let weight = x_weight - y_weight - i64::from(x_first <= y_first);
    let scale = u32::try_from((SIGNIFICANT - weight * GROUP).max(0)).ok()?.max(x_scale).max(y_scale);
    let shift = (scale + y_scale).checked_sub(x_scale)?;
    let numerator = x.checked_mul(10i128.checked_pow(shift)?)?;
    let (whole, rest) = (numerator.checked_div(y)?, numerator.checked_rem(y)?);
    let away = rest.unsigned_abs().checked_mul(2)? >= y.unsigned_abs();
    let sign = if (numerator < 0) == (y < 0) { 1 } else { -1 };
    let digits = if away { whole + sign } else { whole };
    digits.checked_mul(10i128.checked_pow(to.checked_sub(scale)?)?)
}
