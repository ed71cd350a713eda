//! Moves the data: plans, builds, replicates, tests and remembers.
//!
//! [`plan`] says what would be done and why, as data; [`runner::Runner`] does it; all that it has to say goes through
//! [`event::Events`]. Nothing here prints.

pub mod analyze;
pub mod arrive;
mod attempt;
pub mod blame;
pub mod check;
pub mod clock;
pub mod copy;
pub mod dead_letters;
pub mod discover;
pub mod emit;
pub mod error;
pub mod event;
pub mod examine;
pub mod foresee;
mod generate;
pub mod history;
pub mod inputs;
pub mod lag;
pub mod locate;
pub mod losses;
pub mod mask;
mod materialize;
pub mod operators;
pub mod options;
pub mod place;
pub mod plan;
mod replicate;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod seed;
pub mod service;
pub mod session;
mod singular;
mod spill;
mod sql;
mod step;
pub mod systems;
pub mod test;
pub mod tokens;
