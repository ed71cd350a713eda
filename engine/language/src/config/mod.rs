//! What stands in the project's TOML files, as types, and how it is read.
//!
//! Everything that a later complaint may point at carries its [`Span`](crate::files::Span).

pub mod amount;
pub mod connection;
mod dotenv;
pub mod env;
pub mod generated_table;
pub mod generator;
mod generators;
pub mod interpolate;
pub mod lock;
pub mod project;
pub mod read;
pub mod replication;
pub mod schedule;
mod schedules;
pub mod seed;
pub mod settings;
pub mod sink;
pub mod source;
mod sources;
pub mod spanned;
pub mod unit_test;
mod unit_tests;
pub mod value;

pub use project::{Config, read};
pub use spanned::Spanned;
