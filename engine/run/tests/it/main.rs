//! Tests of the crate through its public face.
mod shop;
mod test_command;
