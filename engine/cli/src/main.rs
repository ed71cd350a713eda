//! engine: one binary for a data team.
fn main() {}
