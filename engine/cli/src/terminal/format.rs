//! Numbers, durations, sizes and instants as people read them.

use chrono::{DateTime, SecondsFormat, Utc};
use std::time::Duration;

/// Columns of a node's name.
pub const NAME: usize = 26;

/// `1234567` as `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 rows`, `1 row`.
pub fn counted(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `312 KiB`, `1.4 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale = 1_u64;
    while unit + 1 < UNITS.len() && number / scale >= 1024 {
        unit += 1;
        scale *= 1024;
    }
    if unit == 0 || number / scale >= 10 {
        format!("{} {}", number / scale, UNITS[unit])
    } else {
        let tenths = u128::from(number) * 10 / u128::from(scale);
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// `38ms`, `0.11s`, `3.92s`, `2m 03s`, `1h 02m`.
pub fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        0 if ms < 100 => format!("{ms}ms"),
        0..60 => format!("{}.{:02}s", seconds, duration.subsec_millis() / 10),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `812k`, `1.2M`: for rates, where three digits are enough.
pub fn short(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..1_000_000 => format!("{}k", number / 1000),
        _ => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
    }
}

/// An instant as text, in UTC.
pub fn utc(at_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(at_us).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, counted, duration, short};
    use std::time::Duration;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "row"), counted(3000, "row")], ["1 row", "3,000 rows"]);
        assert_eq!(
            [0, 1023, 1024, 319_488, 1_500_000, 5 << 30].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "312 KiB", "1.4 MiB", "5.0 GiB"]
        );
        assert_eq!(
            [0, 38, 110, 3_929, 123_000, 3_780_000].map(|ms| duration(Duration::from_millis(ms))),
            ["0ms", "38ms", "0.11s", "3.92s", "2m 03s", "1h 03m"]
        );
        assert_eq!([7, 812_345, 1_250_000].map(short), ["7", "812k", "1.2M"]);
    }
}
