//! The intervals of a schedule between two times.

use super::{Tick, times::Times};

/// A backfill has at most so many intervals.
pub const MOST: usize = 10_000;

/// Why a range cannot be backfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackfillError {
    /// The schedule has no times of its own.
    #[error("only schedules with `every` or `cron` have intervals")]
    NoTimes,
    /// No interval lies in it.
    #[error("no interval of the schedule lies between the two times")]
    Empty,
    /// Too many do.
    #[error("that is more than 10,000 intervals; choose a shorter range")]
    TooMany,
}

/// The ticks whose intervals lie wholly between the two times.
pub fn ticks(times: &Times, from_us: i64, to_us: i64) -> Result<Vec<Tick>, BackfillError> {
    if matches!(times, Times::Never) {
        return Err(BackfillError::NoTimes);
    }
    let inside = |tick: &Tick| tick.from_us >= from_us;
    let until = times.after(from_us).take_while(|tick| tick.at_us <= to_us);
    let ticks: Vec<Tick> = until.filter(inside).take(MOST + 1).collect();
    match ticks.len() {
        0 => Err(BackfillError::Empty),
        n if n > MOST => Err(BackfillError::TooMany),
        _ => Ok(ticks),
    }
}

#[cfg(test)]
mod tests {
    use super::{BackfillError, ticks};
    use crate::schedule::times::Times;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn whole_intervals_are_made() {
        let hourly = Times::Every(HOUR);
        let made = ticks(&hourly, 1, 5 * HOUR).unwrap();
        let ends: Vec<i64> = made.iter().map(|tick| tick.at_us / HOUR).collect();
        assert_eq!(ends, [2, 3, 4, 5], "the first hour is not wholly inside");
        assert!(made.windows(2).all(|pair| pair[0].at_us == pair[1].from_us));
        assert_eq!(ticks(&hourly, 5, 10), Err(BackfillError::Empty));
        assert_eq!(ticks(&hourly, 0, 20_000 * HOUR), Err(BackfillError::TooMany));
        assert_eq!(ticks(&Times::Never, 0, HOUR), Err(BackfillError::NoTimes));
    }
}
