//! Literals that all servers read in the same way.

use chrono::{DateTime, Days, NaiveDate};

/// A text, where sessions know no escape but the doubled quote.
pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A day since 1970, if it is one of the years 1970 to 9999.
pub fn date(days: i32) -> Option<String> {
    let days = u64::try_from(days).ok()?;
    let day = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(days))?;
    (day <= NaiveDate::from_ymd_opt(9999, 12, 31)?).then(|| format!("date '{day}'"))
}

/// The digits of an instant in microseconds since 1970, if it is one of the years 1000 to 9998.
pub fn timestamp_digits(us: i64) -> Option<String> {
    let text = DateTime::from_timestamp_micros(us)?.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let years = "1000".."9999";
    (text.find('-') == Some(4) && years.contains(&&text[..4])).then_some(text)
}

/// A decimal by its digits without the point, and how many of them stand behind it.
pub fn decimal(number: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let dot = if scale > 0 { "." } else { "" };
    format!("({}{whole}{dot}{part})", if number < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::{date, decimal, text, timestamp_digits};

    #[test]
    fn literals_are_what_servers_read() {
        assert_eq!(text("o'clock"), "'o''clock'");
        assert_eq!((date(0).as_deref(), date(-1)), (Some("date '1970-01-01'"), None));
        assert_eq!(timestamp_digits(-1).as_deref(), Some("1969-12-31 23:59:59.999999"));
        assert_eq!(timestamp_digits(i64::MAX), None);
        assert_eq!((decimal(-5, 2), decimal(1234, 0)), ("(-0.05)".to_owned(), "(1234)".to_owned()));
    }
}
