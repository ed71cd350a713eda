//! What stands in the project's TOML files, as types.
//!
//! Everything that a later complaint may point at carries its [`Span`](crate::files::Span).

pub mod connection;
pub mod env;
pub mod generator;
pub mod replication;
pub mod schedule;
pub mod seed;
pub mod settings;
pub mod sink;
pub mod source;
pub mod spanned;
pub mod unit_test;
pub mod value;

pub use spanned::Spanned;
