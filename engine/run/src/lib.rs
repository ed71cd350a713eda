//! Moves the data: plans, builds, replicates, tests and remembers.
//!
//! [`plan`] says what would be done and why, as data; [`runner::Runner`] does it; all that it has to say goes through
//! [`event::Events`]. Nothing here prints.

pub mod analyze;
pub mod check;
pub mod clock;
pub mod dead_letters;
pub mod discover;
pub mod error;
pub mod event;
pub mod execute;
pub mod history;
pub mod inputs;
pub mod lag;
pub mod location;
pub mod losses;
pub mod options;
pub mod plan;
pub mod probe;
pub mod redact;
pub mod report;
pub mod reuse;
pub mod runner;
pub mod schedule;
pub mod service;
pub mod sql;
pub mod steps;
pub mod systems;
pub mod test;
