//! Holds no code: its Cargo.toml turns on the same features for every cargo command.
