//! Bytes of messages and lines into columns, and columns into bytes.

pub mod avro;
pub mod csv;
pub mod decoder;
pub(crate) mod encoder;
pub(crate) mod infer;
pub mod json;
pub mod messages;
pub mod rows;
pub mod text;
