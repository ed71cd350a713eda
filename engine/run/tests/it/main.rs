//! Tests of the crate through its public face.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod analyze;
mod differential;
mod memory;
mod opened;
mod queries;
mod schedule;
mod shop;
mod skipping;
mod streams;
mod test_command;
mod verify;
