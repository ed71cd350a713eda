//! How values are written as text, and read from it, where that is neither a number's nor a time's own affair.

use super::failed::failed;
use datafusion::error::Result;

/// A `double precision` as its shortest digits that are read back as the same.
pub fn float8(value: f64) -> String {
    shortest(value, &format!("{value:e}"), 15)
}

/// The same of a `real`.
pub fn float4(value: f32) -> String {
    shortest(value.into(), &format!("{value:e}"), 6)
}

/// `digits` e `exponent`, as C's `%g` lays it out.
fn shortest(value: f64, scientific: &str, most: i32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-Infinity" } else { "Infinity" }.into();
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= most {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let plain = if exponent < 0 {
        format!("0.{}{digits}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)))
    } else {
        let whole = usize::try_from(exponent + 1).unwrap_or(1);
        if digits.len() > whole {
            format!("{}.{}", &digits[..whole], &digits[whole..])
        } else {
            format!("{digits}{}", "0".repeat(whole - digits.len()))
        }
    };
    format!("{sign}{plain}")
}

/// A `boolean` from any beginning of its words.
pub fn boolean(text: &str) -> Result<bool> {
    let word = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}').to_lowercase();
    let begins = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    match word.as_str() {
        "1" | "on" => Ok(true),
        "0" | "of" | "off" => Ok(false),
        _ if begins("true") || begins("yes") => Ok(true),
        _ if begins("false") || begins("no") => Ok(false),
        _ => Err(failed(format!("invalid input syntax for type boolean: \"{text}\""))),
    }
}

/// A whole number: a sign, digits, spaces around.
pub fn integer(text: &str, kind: super::kind::Kind) -> Result<i64> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(failed(format!("invalid input syntax for type {kind}: \"{text}\"")));
    }
    let value: Option<i64> = trimmed.strip_prefix('+').unwrap_or(trimmed).parse().ok();
    let fits = value.filter(|value| match kind {
        super::kind::Kind::Int2 => i16::try_from(*value).is_ok(),
        super::kind::Kind::Int4 => i32::try_from(*value).is_ok(),
        _ => true,
    });
    fits.ok_or_else(|| failed(format!("value \"{text}\" is out of range for type {kind}")))
}

/// A float: digits, a point, an exponent, or one of the words for what is no number.
pub fn float(text: &str, single: bool) -> Result<f64> {
    let kind = if single { "real" } else { "double precision" };
    let invalid = || failed(format!("invalid input syntax for type {kind}: \"{text}\""));
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}').to_lowercase();
    match trimmed.as_str() {
        "nan" => return Ok(f64::NAN),
        "infinity" | "+infinity" | "inf" | "+inf" => return Ok(f64::INFINITY),
        "-infinity" | "-inf" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    if trimmed.contains(|c: char| c.is_ascii_alphabetic() && c != 'e') {
        return Err(invalid());
    }
    let value: f64 =
        if single { trimmed.parse::<f32>().map(f64::from) } else { trimmed.parse() }.map_err(|_| invalid())?;
    let nothing = value == 0.0 && trimmed.split('e').next().is_some_and(|m| m.contains(|c| ('1'..='9').contains(&c)));
    if value.is_infinite() || nothing {
        return Err(failed(format!("\"{text}\" is out of range for type {kind}")));
    }
    Ok(value)
}
