//! The types of columns that nobody declared: the narrowest that holds each of their values exactly.

use super::text::parse;
use engine_language::column::ColumnType;

/// Digits of the widest decimal that is inferred; numbers of more stay texts.
const MOST_DIGITS: usize = 38;
/// Digits that a decimal has at least: later values may be longer than those that were looked at.
const FEWEST_DIGITS: u8 = 18;

/// What the values of a column have in common.
#[expect(clippy::struct_excessive_bools, reason = "each is a type that still holds every value")]
#[derive(Clone, Debug)]
pub struct Inferred {
    seen: bool,
    truths: bool,
    whole: bool,
    /// Numbers without an exponent.
    decimals: bool,
    /// Numbers that a double gives back as they stand there.
    doubles: bool,
    /// The most digits before the point, and behind it.
    digits: (usize, usize),
    dates: bool,
    timestamps: bool,
    times: bool,
}

impl Default for Inferred {
    fn default() -> Self {
        Self {
            seen: false,
            truths: true,
            whole: true,
            decimals: true,
            doubles: true,
            digits: (0, 0),
            dates: true,
            timestamps: true,
            times: true,
        }
    }
}

impl Inferred {
    /// Looks at a value that is not NULL.
    pub fn look(&mut self, text: &str) {
        self.seen = true;
        let text = text.trim_matches(' ');
        let fits = |kind| parse(text, &kind).is_some();
        self.truths = self.truths && matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE");
        self.whole = self.whole && !is_code(text) && fits(ColumnType::BigInt);
        self.number(text);
        self.dates = self.dates && fits(ColumnType::Date);
        self.timestamps = self.timestamps && fits(ColumnType::Timestamp);
        self.times = self.times && fits(ColumnType::Time);
    }

    fn number(&mut self, text: &str) {
        if !self.decimals && !self.doubles {
            return;
        }
        if let Some((before, behind)) = plain(text).filter(|_| !is_code(text)) {
            self.digits = (self.digits.0.max(before), self.digits.1.max(behind));
            self.doubles = self.doubles && same_as_double(text);
        } else {
            self.decimals = false;
            self.doubles = self.doubles && !is_code(text) && same_as_double(text);
        }
    }

    /// The narrowest type that holds every value that was looked at.
    pub fn kind(&self) -> ColumnType {
        let (before, behind) = self.digits;
        match self {
            Self { seen: false, .. } => ColumnType::Text(None),
            Self { truths: true, .. } => ColumnType::Bool,
            Self { whole: true, .. } => ColumnType::BigInt,
            Self { decimals: true, .. } if before + behind <= MOST_DIGITS => decimal(before, behind),
            Self { decimals: false, doubles: true, .. } => ColumnType::Double,
            Self { dates: true, .. } => ColumnType::Date,
            Self { timestamps: true, .. } => ColumnType::Timestamp,
            Self { times: true, .. } => ColumnType::Time,
            _ => ColumnType::Text(None),
        }
    }
}

fn decimal(before: usize, behind: usize) -> ColumnType {
    let fits = before + behind <= usize::from(FEWEST_DIGITS);
    let most = u8::try_from(MOST_DIGITS).unwrap_or(u8::MAX);
    ColumnType::Decimal(if fits { FEWEST_DIGITS } else { most }, i8::try_from(behind).unwrap_or(i8::MAX))
}

/// Whether it is a number whose zeros or sign would be lost: a name, such as a postal code.
fn is_code(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    let second = digits.as_bytes().get(1);
    text.starts_with('+') || (digits.starts_with('0') && second.is_some_and(u8::is_ascii_digit))
}

/// The digits before the point and behind it of a number without an exponent.
fn plain(text: &str) -> Option<(usize, usize)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (before, behind) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let written = !before.is_empty() && !behind.is_empty() && all(before) && all(behind);
    let behind = if digits.contains('.') { behind.len() } else { 0 };
    written.then(|| (before.trim_start_matches('0').len(), behind))
}

/// Whether a double is written with the digits that stand there, so that none would be lost.
fn same_as_double(text: &str) -> bool {
    let Some(number) = text.parse::<f64>().ok() else { return false };
    if !number.is_finite() {
        return !text.contains(|c: char| c.is_ascii_digit());
    }
    significant(text) == significant(&format!("{number:e}"))
}

/// The digits of a number, without the zeros around them.
fn significant(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::Inferred;

    fn of(values: &[&str]) -> String {
        let mut inferred = Inferred::default();
        for value in values {
            inferred.look(value);
        }
        inferred.kind().to_string()
    }

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(of(&["1", "-9223372036854775808"]), "bigint");
        assert_eq!(of(&["1", "9223372036854775808"]), "decimal(38,0)");
        assert_eq!(of(&["1.5", "20"]), "decimal(18,1)");
        assert_eq!(of(&["0.10", "-0.125"]), "decimal(18,3)");
        assert_eq!(of(&["12345678901234567890.123456789012345678"]), "decimal(38,18)");
        assert_eq!(of(&["123456789012345678901234567890123456789"]), "text");
        assert_eq!(of(&["1e5", "1.5"]), "double");
        assert_eq!(of(&["1.5", "NaN", "-Infinity"]), "double");
        assert_eq!(of(&["1e5", "0.12345678901234567890"]), "text");
        assert_eq!(of(&["1e5", "9007199254740993"]), "text");
        assert_eq!(of(&["01067", "99999"]), "text");
        assert_eq!(of(&["+1"]), "text");
        assert_eq!(of(&["0", "0.5", "-0.5"]), "decimal(18,1)");
    }

    #[test]
    fn blanks_around_a_value_do_not_count() {
        assert_eq!(of(&["2026-01-01 00:00:00 "]), "timestamp");
        assert_eq!(of(&[" 5"]), "bigint");
        assert_eq!(of(&["2026-01-01", "x "]), "text");
        assert_eq!(of(&[]), "text");
        assert_eq!(of(&["true", "1"]), "text");
    }
}
