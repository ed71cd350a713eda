//! Messages into columns.

pub mod json;
