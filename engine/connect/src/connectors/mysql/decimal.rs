//! Decimals as MySQL writes them ↔ whole numbers of a given scale.

use datafusion::arrow::datatypes::i256;

/// The number times 10^scale, if that is a whole number of `precision` digits that 128 bits hold.
pub fn small(text: &[u8], precision: u8, scale: i8) -> Result<i128, String> {
    let mut value = 0_i128;
    let negative = digits(text, precision, scale, |digit| value = value * 10 + i128::from(digit))?;
    Ok(if negative { -value } else { value })
}

/// The same of up to 76 digits.
pub fn large(text: &[u8], precision: u8, scale: i8) -> Result<i256, String> {
    // In groups of 18 digits: arithmetic of 256 bits is slow.
    let (mut value, mut group, mut count) = (i256::ZERO, 0_i128, 0_u32);
    let add = |value: i256, group: i128, count: u32| {
        value.wrapping_mul(i256::from_i128(10_i128.pow(count))).wrapping_add(i256::from_i128(group))
    };
    let negative = digits(text, precision, scale, |digit| {
        group = group * 10 + i128::from(digit);
        count += 1;
        if count == 18 {
            value = add(value, group, count);
            (group, count) = (0, 0);
        }
    })?;
    let value = add(value, group, count);
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Gives each digit of the number times 10^scale, and says whether it is negative.
fn digits(text: &[u8], precision: u8, scale: i8, mut take: impl FnMut(u8)) -> Result<bool, String> {
    let wrong = || format!("`{}` is no decimal({precision},{scale})", String::from_utf8_lossy(text));
    let (negative, plain) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let point = plain.iter().position(|byte| *byte == b'.').unwrap_or(plain.len());
    let whole = &plain[..point];
    let part = plain.get(point + 1..).unwrap_or_default();
    let scale = usize::from(scale.unsigned_abs());
    let first = whole.iter().position(|byte| *byte != b'0').unwrap_or(whole.len());
    let is_long = whole.len() - first + scale > usize::from(precision);
    if whole.len() + part.len() == 0 || is_long || part.iter().skip(scale).any(|byte| *byte != b'0') {
        return Err(wrong());
    }
    for byte in whole[first..].iter().chain(part.iter().take(scale)) {
        if !byte.is_ascii_digit() {
            return Err(wrong());
        }
        take(byte - b'0');
    }
    for _ in part.len()..scale {
        take(0);
    }
    Ok(negative)
}

/// Writes a number that is `digits`, its sign aside, times 10^-scale.
pub fn write(negative: bool, digits: &str, scale: i8, out: &mut Vec<u8>) {
    let scale = usize::from(scale.unsigned_abs());
    if negative {
        out.push(b'-');
    }
    let padding = (scale + 1).saturating_sub(digits.len());
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits.as_bytes()[..whole] });
    if scale > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', padding.saturating_sub(1)));
        out.extend_from_slice(&digits.as_bytes()[whole..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, scale, number) in
            [("0.00", 2, 0), ("-1.50", 2, -150), ("12", 0, 12), ("0.05", 2, 5), ("7", 3, 7000), ("-0.001", 3, -1)]
        {
            assert_eq!(small(text.as_bytes(), 10, scale), Ok(number), "{text}");
            assert_eq!(large(text.as_bytes(), 10, scale), Ok(i256::from_i128(number)), "{text}");
        }
        for text in ["", ".", "1e5", "1.234", "12345678901", "--1", "1.2.3", "nan"] {
            assert!(small(text.as_bytes(), 10, 2).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_i8..=38) {
            let mut out = vec![];
            write(number < 0, &number.unsigned_abs().to_string(), scale, &mut out);
            prop_assert_eq!(small(&out, 38, scale), Ok(number));
            prop_assert_eq!(large(&out, 65, scale), Ok(i256::from_i128(number)));
        }
    }
}
