//! Where a stream begins, as it is typed.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use engine_connect::read::Start;

/// `earliest`, `latest`, a time, a day or an offset; times without a zone are UTC.
pub fn start(text: &str) -> Result<Start, String> {
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
    let plain = || text.parse::<NaiveDateTime>().ok().map(|time| time.and_utc().timestamp_micros());
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc().timestamp_micros());
    match text {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        _ => match text.parse() {
            Ok(offset) => Ok(Start::Offset(offset)),
            Err(_) => zoned().or_else(plain).or_else(day).map(Start::Time).ok_or_else(|| {
                "it is `earliest`, `latest`, a time such as 2026-01-31T08:00:00Z, or an offset such as 120".to_owned()
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::start;
    use engine_connect::read::Start;

    #[test]
    fn words_times_and_offsets() {
        let day = 1_769_817_600_000_000;
        for (text, expected) in [
            ("earliest", Start::Earliest),
            ("latest", Start::Latest),
            ("0", Start::Offset(0)),
            ("2026-01-31", Start::Time(day)),
            ("2026-01-31T00:00:00", Start::Time(day)),
            ("2026-01-31T02:00:00.5+02:00", Start::Time(day + 500_000)),
        ] {
            assert_eq!(start(text), Ok(expected), "{text}");
        }
        for text in ["", "-1", "sometime", "2026-02-30"] {
            assert!(start(text).is_err(), "{text}");
        }
    }
}
