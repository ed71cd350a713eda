//! Bytes of messages and lines into columns, and columns into bytes.

pub mod avro;
pub mod decoder;
pub(crate) mod encoder;
pub mod json;
pub mod messages;
pub mod rows;
pub mod text;
