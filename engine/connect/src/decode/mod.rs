//! Messages and lines into columns.

pub mod json;
pub mod messages;
pub mod text;
