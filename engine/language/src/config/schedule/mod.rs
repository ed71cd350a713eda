//! `schedules.toml`: what runs when.

pub(super) mod read;

use super::toml::Spanned;
use crate::name::Name;
use std::time::Duration;

/// One schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name.
    pub name: Spanned<Name>,
    /// When it runs.
    pub trigger: Trigger,
    /// What it runs, in selection syntax; empty is everything.
    pub select: Vec<Spanned<String>>,
    /// How often a failed run is tried again, and after how long.
    pub retries: Retries,
    /// How long a run may take.
    pub timeout: Option<Duration>,
    /// What to do after downtime.
    pub missed: Missed,
    /// Called when a run has failed for good, or is late.
    pub webhook: Option<crate::secret::Secret>,
    /// A run that has not succeeded so long after it was due is late.
    pub late: Option<Duration>,
}

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Each time that this much has passed.
    Every(Spanned<Duration>),
    /// At the times of a cron expression.
    Cron {
        /// Five or six fields.
        expression: Spanned<String>,
        /// The zone that the fields are read in.
        timezone: chrono_tz::Tz,
    },
    /// All the time.
    Continuous,
    /// When another schedule has succeeded.
    After(Spanned<Name>),
}

/// How often a failed run is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// Tries after the first.
    pub times: u32,
    /// The wait before the next one.
    pub wait: Duration,
}

/// What to do about ticks that downtime swallowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    None,
    /// Run once for all of them.
    #[default]
    Last,
    /// Run each of them.
    All,
}
