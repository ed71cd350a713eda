//! Arrow types for column types, digests of rows, and names of rows for messages.

pub mod digest;
pub mod row_name;
pub mod types;
