//! The times at which a schedule is due.

use super::{Tick, cron::Cron};
use engine_language::config::schedule::Trigger;

/// The times of a trigger. `continuous` and `after` have none: they go by what happens.
#[derive(Clone, Debug)]
pub enum Times {
    /// Whole multiples of so many microseconds since 1970 UTC.
    Every(i64),
    /// Those of a cron expression.
    Cron(Cron),
    /// None.
    Never,
}

impl Times {
    /// The times of a trigger.
    pub fn of(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Every(every) => Self::Every(i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1)),
            Trigger::Cron { expression, timezone } => Cron::new(expression, *timezone).map_or(Self::Never, Self::Cron),
            Trigger::Continuous | Trigger::After(_) => Self::Never,
        }
    }

    /// The first time after that one.
    pub fn next(&self, after_us: i64) -> Option<i64> {
        match self {
            Self::Every(every) => after_us.div_euclid(*every).checked_add(1)?.checked_mul(*every),
            Self::Cron(cron) => cron.next(after_us),
            Self::Never => None,
        }
    }

    /// The last time up to and with that one.
    pub fn last(&self, until_us: i64) -> Option<i64> {
        match self {
            Self::Every(every) => until_us.div_euclid(*every).checked_mul(*every),
            Self::Cron(cron) => cron.last(until_us),
            Self::Never => None,
        }
    }

    /// The tick at one of the times; its interval begins at the time before, and is empty if there is none.
    pub fn tick(&self, at_us: i64) -> Tick {
        Tick { at_us, from_us: self.last(at_us - 1).unwrap_or(at_us) }
    }

    /// The ticks after that time, without end.
    pub fn after(&self, after_us: i64) -> impl Iterator<Item = Tick> + '_ {
        std::iter::successors(self.next(after_us), |at| self.next(*at)).map(|at| self.tick(at))
    }
}
