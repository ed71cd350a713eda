//! Messages and lines into columns.

pub mod avro;
pub mod json;
pub mod messages;
pub mod rows;
pub mod text;
