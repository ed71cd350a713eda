//! Where time comes from.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time. Everything that depends on it asks here, so that tests can stop it.
pub trait Clock: Debug + Send + Sync {
    /// Microseconds since 1970 UTC.
    fn now_us(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct StoppedClock(AtomicI64);

impl StoppedClock {
    /// Stands at that time, in microseconds since 1970 UTC.
    pub fn at(now_us: i64) -> Self {
        Self(AtomicI64::new(now_us))
    }

    /// Moves it on.
    pub fn advance(&self, by_us: i64) {
        self.0.fetch_add(by_us, Ordering::Relaxed);
    }
}

impl Clock for StoppedClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A time in few words: the hour if it is today, else the date. Local time, as a terminal shows it.
pub fn short(at_us: i64, now_us: i64) -> String {
    let local = |us| chrono::DateTime::from_timestamp_micros(us).unwrap_or_default().with_timezone(&chrono::Local);
    let (at, now) = (local(at_us), local(now_us));
    let format = if at.date_naive() == now.date_naive() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.format(format).to_string()
}
