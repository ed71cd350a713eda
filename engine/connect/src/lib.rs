//! Reaches the systems that data lives in, and carries it as Arrow batches.
//!
//! [`hub`] says what a system is, what it can do, how its tables are read and how they are published. [`connectors`] has a
//! folder for each kind of system. They share [`arrow`], [`mod@format`] and [`sql`], and none of them knows another.

pub mod arrow;
pub mod connectors;
pub mod format;
pub mod hub;
pub mod sql;
