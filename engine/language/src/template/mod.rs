//! Templates: Jinja in, SQL out, and the way back.

pub mod macros;
pub mod rendered;

pub use rendered::Rendered;

/// What `run` is in templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
    /// When it started, in microseconds since 1970 UTC.
    pub started_at_us: i64,
    /// The interval that a scheduled or backfilled run stands for, likewise; both are the start without one.
    pub interval_us: (i64, i64),
}
