//! Tests of the crate through its public face.
mod analyze;
mod shop;
mod test_command;
