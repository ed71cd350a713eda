//! Moves the data: plans, builds, replicates, tests and remembers.
//!
//! [`plan`] says what would be done and why, as data; a runner does it; all that it has to say goes through
//! [`event::Events`]. Nothing here prints.

pub mod clock;
pub mod error;
pub mod event;
pub mod plan;
pub mod report;
