//! Dates, times and intervals as PostgreSQL computes with them.

pub mod fields;
pub mod from_pattern;
pub mod now;
pub mod parse;
mod pattern;
pub mod print;
pub mod to_char;
