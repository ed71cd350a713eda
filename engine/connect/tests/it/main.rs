//! Tests of the crate through its public face.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certificates;
mod contract;
mod files;
mod generator;
mod kafka;
mod mortal;
mod mysql;
mod postgres;
mod proxy;
mod shelf;
mod small_disk;
mod sqlite;
