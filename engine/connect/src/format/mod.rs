//! Bytes of messages, lines and files into columns, and columns into bytes.

pub mod avro;
pub mod csv;
pub mod decode_error;
pub mod decoder;
pub(crate) mod encoder;
pub(crate) mod file;
pub(crate) mod infer;
pub mod json;
pub mod messages;
pub(crate) mod ndjson;
pub(crate) mod parquet;
pub mod rows;
pub mod text;
