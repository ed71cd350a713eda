//! Fields with a delimiter between them, a record a line: a text that is held whole, and files.

mod reader;
mod text;

pub use reader::{CsvDialect, CsvReader};
pub use text::{CsvError, read, schema};
