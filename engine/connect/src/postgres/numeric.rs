//! PostgreSQL's binary numeric ↔ whole numbers of a given scale.

use datafusion::arrow::datatypes::i256;

const NEGATIVE: u16 = 0x4000;

/// The number times 10^scale. `Err` says why it cannot be carried exactly.
pub fn decode(bytes: &[u8], precision: u8, scale: i8) -> Result<i256, String> {
    let word = |i: usize| bytes.get(i * 2..i * 2 + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let (Some(count), Some(weight), Some(sign), Some(_)) = (word(0), word(1), word(2), word(3)) else {
        return Err("the numeric is cut off".into());
    };
    match sign {
        0 | NEGATIVE => {}
        0xC000 => return Err("NaN cannot be carried as a decimal".into()),
        0xD000 | 0xF000 => return Err("infinity cannot be carried as a decimal".into()),
        _ => return Err("the numeric has an unknown sign".into()),
    }
    if bytes.len() != 8 + 2 * usize::from(count) {
        return Err("the numeric's length is wrong".into());
    }
    let digits = bytes[8..].chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let after = 4 * (i32::from(weight.cast_signed()) - i32::from(count) + 1) + i32::from(scale);
    let too_large = || format!("the number needs more than {precision} digits");
    let value = if count <= 8 && after.unsigned_abs() <= 6 && precision <= 38 {
        small(digits, after).map(i256::from_i128)
    } else {
        large(digits, after)
    };
    let value = value.ok_or_else(|| format!("the number does not fit into decimal({precision},{scale})"))?;
    let limit = i256::from_i128(10).checked_pow(u32::from(precision)).ok_or_else(too_large)?;
    if value >= limit {
        return Err(too_large());
    }
    Ok(if sign == NEGATIVE { value.wrapping_neg() } else { value })
}

fn small(digits: impl Iterator<Item = u16>, after: i32) -> Option<i128> {
    let value = digits.fold(0_i128, |value, digit| value * 10_000 + i128::from(digit));
    let power = 10_i128.pow(after.unsigned_abs());
    if after >= 0 { value.checked_mul(power) } else { (value % power == 0).then(|| value / power) }
}

fn large(digits: impl Iterator<Item = u16>, after: i32) -> Option<i256> {
    let mut value = i256::ZERO;
    for digit in digits {
        value = value.checked_mul(i256::from_i128(10_000))?.checked_add(i256::from_i128(i128::from(digit)))?;
    }
    if value == i256::ZERO {
        return Some(value);
    }
    let power = i256::from_i128(10).checked_pow(after.unsigned_abs())?;
    if after >= 0 {
        return value.checked_mul(power);
    }
    (value.checked_rem(power)? == i256::ZERO).then(|| value.checked_div(power)).flatten()
}

/// Writes a number that is `digits`, its sign aside, times 10^-scale.
pub fn encode(negative: bool, digits: &str, scale: i8, out: &mut Vec<u8>) {
    let scale = usize::from(scale.unsigned_abs());
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    let whole = format!("{}{whole}", "0".repeat((4 - whole.len() % 4) % 4));
    let part = format!("{part}{}", "0".repeat((4 - part.len() % 4) % 4));
    let group = |bytes: &[u8]| bytes.iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'));
    let groups: Vec<u16> = whole.as_bytes().chunks(4).chain(part.as_bytes().chunks(4)).map(group).collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let kept = &groups[first..last];
    let word = |value: usize| u16::try_from(value).expect("a decimal has at most 76 digits").to_be_bytes();
    let weight = if kept.is_empty() { 0 } else { whole.len().cast_signed() / 4 - 1 - first.cast_signed() };
    out.extend(word(kept.len()));
    out.extend(i16::try_from(weight).expect("a decimal has at most 76 digits").to_be_bytes());
    out.extend(if negative && !kept.is_empty() { NEGATIVE } else { 0 }.to_be_bytes());
    out.extend(word(scale));
    for group in kept {
        out.extend(group.to_be_bytes());
    }
}
