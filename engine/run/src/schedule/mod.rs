//! When schedules run: a pure core. Declared schedules, what is recorded of them, and now; out comes what to do.
//!
//! Nothing here reads a clock or a file, so that years pass in a test's second.

pub mod admission;
pub mod backfill;
pub mod backoff;
mod cron;
pub mod describe;
pub mod due;
pub mod in_flight;
pub mod memory_store;
pub mod record;
pub mod scheduler;
pub mod simulate;
pub mod store;
pub mod times;

/// A time at which a schedule is due, and the interval that its run stands for: from then, up to the time itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Tick {
    /// When it is due, in microseconds since 1970 UTC; also the interval's end.
    pub at_us: i64,
    /// The interval's start.
    pub from_us: i64,
}

impl Tick {
    /// One that stands for the intervals of both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self { at_us: self.at_us.max(other.at_us), from_us: self.from_us.min(other.from_us) }
    }
}
