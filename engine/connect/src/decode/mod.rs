//! Messages and lines into columns.

pub mod avro;
pub mod decoder;
pub mod json;
pub mod messages;
pub mod rows;
pub mod text;
