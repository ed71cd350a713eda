//! How long to wait before a failed run is tried again.

use std::time::Duration;

/// No wait is longer, however often it was doubled.
const LONGEST: Duration = Duration::from_hours(1);

/// The wait after so many failures: doubled each time, and up to a quarter longer, so that schedules that failed
/// together do not try again together. The same job waits equally long in every process.
pub fn wait(first: Duration, failures: u32, job: i64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let wait = doubled.min(LONGEST.max(first));
    wait + wait.mul_f64(chance(job, failures) / 4.0)
}

/// No wait that begins with this one is longer.
pub fn longest(first: Duration) -> Duration {
    LONGEST.max(first).mul_f64(1.25)
}

/// A number from 0 to 1 that depends on nothing but what is given.
fn chance(job: i64, failures: u32) -> f64 {
    let digest = blake3::hash(format!("{job}/{failures}").as_bytes());
    let bytes = digest.as_bytes();
    f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::wait;
    use std::time::Duration;

    #[test]
    fn waits_double_and_are_spread() {
        let first = Duration::from_secs(30);
        for (failures, least) in [(1, 30), (2, 60), (3, 120), (8, 3600), (40, 3600)] {
            let least = Duration::from_secs(least);
            let waits: Vec<Duration> = (0..50).map(|job| wait(first, failures, job)).collect();
            assert!(waits.iter().all(|wait| *wait >= least && *wait <= least.mul_f64(1.25)), "{waits:?}");
            assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        }
        assert_eq!(wait(first, 2, 7), wait(first, 2, 7));
        assert!(wait(Duration::from_hours(2), 3, 1) >= Duration::from_hours(2), "a longer first wait is kept");
        assert_eq!(wait(Duration::ZERO, 3, 1), Duration::ZERO);
    }
}
