//! What a system is, how its tables are read, and how they are published: all that the rest of the program knows of it.

pub mod connection;
pub mod error;
pub mod loss;
pub mod policy;
pub mod position;
pub mod publication;
pub mod registry;
pub mod rejected;
pub mod source;
pub mod topics;
pub mod type_map;
pub mod version;
