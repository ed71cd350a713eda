//! Avro: schemas, and values in their binary form.

pub mod decoder;
pub(crate) mod reader;
pub(crate) mod record_schema;
pub(crate) mod schema;
pub(crate) mod value;
pub(crate) mod writer;
