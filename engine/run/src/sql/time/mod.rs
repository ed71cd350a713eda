//! Dates, times and intervals as PostgreSQL computes with them.

pub mod calendar;
pub mod fields;
mod from_pattern;
pub mod functions;
pub mod now;
pub mod parse;
mod pattern;
pub mod print;
mod to_char;
