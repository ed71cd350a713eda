//! Where a stream begins, as it is typed.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use engine_connect::hub::topics::Start;

/// Reads `earliest`, `latest`, a time or an offset.
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
