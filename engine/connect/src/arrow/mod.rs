//! Arrow types for column types, digests of rows, and names of rows for messages.

pub mod batch_size;
pub mod digest;
pub mod row_name;
pub mod types;
