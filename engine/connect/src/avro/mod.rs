//! Avro: schemas, and values in their binary form.

pub mod declare;
pub mod read;
pub mod schema;
pub mod value;
pub mod write;
