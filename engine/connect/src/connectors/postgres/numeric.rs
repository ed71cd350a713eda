//! PostgreSQL's binary numeric ↔ whole numbers of a given scale.

use crate::hub::policy::{Unrepresentable, ValueError};
use datafusion::arrow::datatypes::i256;
use std::fmt::Write as _;

const NEGATIVE: u16 = 0x4000;

/// A number as it came: its base-10000 digits and what stands for them.
struct Number<'a> {
    digits: &'a [u8],
    /// How many decimal digits stand after the last of them, if the scale is taken into account.
    after: i32,
    negative: bool,
}

impl<'a> Number<'a> {
    fn read(bytes: &'a [u8], scale: i8) -> Result<Self, ValueError> {
        let Some((head, digits)) = bytes.split_first_chunk::<8>() else { return Err("the numeric is cut off".into()) };
        let word = |i: usize| u16::from_be_bytes([head[i * 2], head[i * 2 + 1]]);
        let odd = |what: &str| {
            Err(ValueError::Unrepresentable(Unrepresentable::Nan, format!("{what} cannot be carried as a decimal")))
        };
        let negative = match word(2) {
            0 => false,
            NEGATIVE => true,
            0xC000 => return odd("NaN"),
            0xD000 => return odd("Infinity"),
            0xF000 => return odd("-Infinity"),
            _ => return Err("the numeric has an unknown sign".into()),
        };
        let count = word(0);
        if digits.len() != 2 * usize::from(count) {
            return Err("the numeric's length is wrong".into());
        }
        let after = 4 * (i32::from(word(1).cast_signed()) - i32::from(count) + 1) + i32::from(scale);
        Ok(Self { digits, after, negative })
    }

    fn digits(&self) -> impl Iterator<Item = u16> {
        self.digits.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]))
    }

    /// Of at most 38 digits, quickly.
    fn small(&self) -> Option<i128> {
        if self.digits.len() > 16 || self.after.unsigned_abs() > 6 {
            return None;
        }
        let power = i128::from(10_u32.pow(self.after.unsigned_abs()));
        let value = self.digits().fold(0_i128, |value, digit| value * 10_000 + i128::from(digit));
        let value =
            if self.after >= 0 { value.checked_mul(power)? } else { (value % power == 0).then(|| value / power)? };
        Some(if self.negative { -value } else { value })
    }

    fn large(&self) -> Option<i256> {
        let mut value = i256::ZERO;
        for digit in self.digits() {
            value = value.checked_mul(i256::from_i128(10_000))?.checked_add(i256::from_i128(i128::from(digit)))?;
        }
        if value == i256::ZERO {
            return Some(value);
        }
        let power = i256::from_i128(10).checked_pow(self.after.unsigned_abs())?;
        let value = if self.after >= 0 {
            value.checked_mul(power)?
        } else {
            (value.checked_rem(power)? == i256::ZERO).then(|| value.checked_div(power)).flatten()?
        };
        Some(if self.negative { value.wrapping_neg() } else { value })
    }
}

/// The number times 10^scale, of at most 38 digits. `Err` says why it cannot be carried exactly.
pub fn decode(bytes: &[u8], precision: u8, scale: i8) -> Result<i128, ValueError> {
    let number = Number::read(bytes, scale)?;
    let value = number.small().or_else(|| number.large().and_then(i256::to_i128));
    let limit = 10_u128.pow(u32::from(precision.min(38)));
    value.filter(|value| value.unsigned_abs() < limit).ok_or_else(|| long(bytes, precision, scale))
}

/// The same, of at most 76 digits.
pub fn decode_wide(bytes: &[u8], precision: u8, scale: i8) -> Result<i256, ValueError> {
    let value = Number::read(bytes, scale)?.large();
    let limit = i256::from_i128(10).checked_pow(u32::from(precision)).expect("a decimal has at most 76 digits");
    let fits = |value: &i256| *value < limit && *value > limit.wrapping_neg();
    value.filter(fits).ok_or_else(|| long(bytes, precision, scale))
}

fn long(bytes: &[u8], precision: u8, scale: i8) -> ValueError {
    let why = format!("the number {} does not fit into decimal({precision},{scale})", text(bytes, SHOWN));
    ValueError::Unrepresentable(Unrepresentable::Digits, why)
}

/// As many characters of a number are shown.
const SHOWN: usize = 100;

/// A number as PostgreSQL writes it, of at most so many characters.
pub fn text(bytes: &[u8], most: usize) -> String {
    let word = |i: usize| bytes.get(i * 2..i * 2 + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
    match word(2) {
        0xC000 => return "NaN".into(),
        0xD000 => return "Infinity".into(),
        0xF000 => return "-Infinity".into(),
        _ => {}
    }
    let (count, weight, scale) = (word(0), i32::from(word(1).cast_signed()), usize::from(word(3)));
    let group = |at: i32| match u16::try_from(weight - at) {
        Ok(index) if index < count => word(4 + usize::from(index)),
        _ => 0,
    };
    let mut text = String::new();
    for at in (0..=weight.max(0)).rev().take(most) {
        write!(text, "{:04}", group(at)).expect("text can be written to");
    }
    let whole = text.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut part = String::new();
    for at in (1..=scale.div_ceil(4).min(most)).map(|at| -i32::try_from(at).unwrap_or(0)) {
        write!(part, "{:04}", group(at)).expect("text can be written to");
    }
    part.truncate(scale);
    let (sign, dot) = (if word(2) == NEGATIVE { "-" } else { "" }, if part.is_empty() { "" } else { "." });
    let mut all = format!("{sign}{whole}{dot}{part}");
    if all.len() > most {
        all.truncate(most);
        all.push('…');
    }
    all
}

/// Replaces a text by a decimal as PostgreSQL writes it.
pub fn write_text(number: i128, scale: u8, text: &mut Vec<u8>) {
    text.clear();
    let scale = usize::from(scale);
    let push = |digit: u64, text: &mut Vec<u8>| {
        if text.len() == scale && scale > 0 {
            text.push(b'.');
        }
        text.push(b'0' + u8::try_from(digit).expect("a digit is below 10"));
    };
    let mut rest = number.unsigned_abs();
    // Divisions of 128 bits are slow, and rarely needed.
    while rest > u128::from(u64::MAX) {
        push(u64::try_from(rest % 10).expect("a digit is below 10"), text);
        rest /= 10;
    }
    let mut rest = u64::try_from(rest).expect("64 bits are left");
    while rest > 0 || text.len() <= scale {
        push(rest % 10, text);
        rest /= 10;
    }
    if number < 0 {
        text.push(b'-');
    }
    text.reverse();
}

/// Writes `number` times 10^-scale.
pub fn encode(number: i128, scale: i8, out: &mut Vec<u8>) {
    let scale = u32::from(scale.unsigned_abs());
    // Digits stand in groups of four, from the point on.
    let pad = 10_u128.pow((4 - scale % 4) % 4);
    let Some(mut rest) = number.unsigned_abs().checked_mul(pad) else {
        return encode_wide(i256::from_i128(number), i8::try_from(scale).unwrap_or(0), out);
    };
    let mut groups = [0_u16; 12];
    let mut count = 0;
    while rest > 0 {
        if let Ok(mut small) = u64::try_from(rest) {
            while small > 0 {
                groups[count] = u16::try_from(small % 10_000).expect("it is below 10,000");
                small /= 10_000;
                count += 1;
            }
            break;
        }
        groups[count] = u16::try_from(rest % 10_000).expect("it is below 10,000");
        rest /= 10_000;
        count += 1;
    }
    write(number < 0, &groups[..count], scale, out);
}

/// The same for more digits.
pub fn encode_wide(number: i256, scale: i8, out: &mut Vec<u8>) {
    let scale = u32::from(scale.unsigned_abs());
    let digits = number.wrapping_abs().to_string();
    let padded = format!("{digits}{}", "0".repeat(((4 - scale % 4) % 4) as usize));
    let group = |bytes: &[u8]| bytes.iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'));
    let groups: Vec<u16> = padded.as_bytes().rchunks(4).map(group).collect();
    write(number < i256::ZERO, &groups, scale, out);
}

/// Writes groups of four digits, the last first, of which some stand after the point.
fn write(negative: bool, groups: &[u16], scale: u32, out: &mut Vec<u8>) {
    let count = groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1);
    let first = groups.iter().position(|group| *group != 0).unwrap_or(count);
    let short = |value: usize| u16::try_from(value).expect("a decimal has at most 76 digits").to_be_bytes();
    let after = scale.div_ceil(4) as usize;
    let weight = if count == 0 { 0 } else { count.cast_signed() - 1 - after.cast_signed() };
    out.extend_from_slice(&short(count - first));
    out.extend_from_slice(&i16::try_from(weight).expect("a decimal has at most 76 digits").to_be_bytes());
    out.extend_from_slice(&if negative && count > 0 { NEGATIVE } else { 0 }.to_be_bytes());
    out.extend_from_slice(&short(scale as usize));
    for group in groups[first..count].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_wide, encode, encode_wide, text, write_text};
    use datafusion::arrow::datatypes::i256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_decimal_there_and_back(number in any::<i128>(), scale in 0_i8..=38) {
            let number = number % 10_i128.pow(38);
            let (mut narrow, mut wide) = (vec![], vec![]);
            encode(number, scale, &mut narrow);
            encode_wide(i256::from_i128(number), scale, &mut wide);
            prop_assert_eq!(&narrow, &wide);
            prop_assert_eq!(decode(&narrow, 38, scale), Ok(number));
            prop_assert_eq!(decode_wide(&narrow, 76, scale), Ok(i256::from_i128(number)));
            let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale.unsigned_abs() as usize + 1);
            let (whole, part) = digits.split_at(digits.len() - scale.unsigned_abs() as usize);
            let expected = format!("{}{whole}{}{part}", if number < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
            prop_assert_eq!(text(&narrow, 100), expected.as_str());
            let mut written = vec![];
            write_text(number, scale.unsigned_abs(), &mut written);
            prop_assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }
}
