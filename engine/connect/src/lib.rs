//! Reaches the systems that data lives in, and carries it as Arrow batches.
//!
//! [`connector`] is the hub: what a kind of system is, what one system can do, how a table is read and how one is
//! published. Each connector is a folder beside it and knows only the hub.

pub mod aggregate;
mod avro;
mod chores;
mod condition;
pub mod connector;
pub mod decode;
pub mod digest;
mod encode;
pub mod error;
pub mod files;
pub mod generator;
mod idle;
pub mod kafka;
pub mod log;
pub mod loss;
pub mod mysql;
pub mod policy;
pub mod position;
pub mod postgres;
pub mod publish;
pub mod pushdown;
pub mod read;
pub mod registry;
pub mod row;
mod shared_answer;
pub mod sqlite;
pub mod type_map;
pub mod types;
