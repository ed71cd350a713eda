//! Whether a schedule is due, and with what interval.

use super::{Tick, times::Times};
use engine_language::config::schedule::Missed;

/// What is known of a schedule that is free to run: it is not paused, and its last run has ended for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Ticks up to here have been run or let go; `None` if it was never looked at.
    pub decided_us: Option<i64>,
    /// Since when it could have run: the latest of the service's start, its unpausing and its last run's end.
    pub ready_us: i64,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing until then, or ever.
    Wait(Option<i64>),
    /// Run nothing for the ticks up to here, and look again.
    LetGo(i64),
    /// Run this; it settles all ticks up to its time.
    Run(Tick),
}

/// What to do at that time.
///
/// A tick is missed if the schedule was not ready when it came: the service was down, it was paused, or its own run
/// went on for too long. An `every` that was never looked at is due at once; a cron waits for its next time.
pub fn decide(times: &Times, missed: Missed, standing: Standing, now_us: i64) -> Move {
    let Some(last) = times.last(now_us) else { return Move::Wait(times.next(now_us)) };
    let Some(decided) = standing.decided_us else {
        return match times {
            Times::Every(_) => Move::Run(times.tick(last)),
            _ => Move::LetGo(now_us),
        };
    };
    if last <= decided {
        return Move::Wait(times.next(decided.max(now_us)));
    }
    let Some(first) = times.next(decided) else { return Move::Wait(None) };
    match missed {
        Missed::All => Move::Run(times.tick(first)),
        Missed::Last => Move::Run(Tick { at_us: last, from_us: times.tick(first).from_us }),
        Missed::None if last >= standing.ready_us => Move::Run(times.tick(last)),
        Missed::None => Move::LetGo(last),
    }
}
