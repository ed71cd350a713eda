//! A file of rows, whatever its format.

use crate::format::{
    csv::CsvReader,
    file::{Chunk, FormatError, ReadOffset},
    ndjson::NdjsonReader,
};
use datafusion::arrow::datatypes::SchemaRef;

/// A file that is being read row by row.
pub enum Rows {
    /// Fields with a delimiter.
    Csv(Box<CsvReader>),
    /// A JSON object a line.
    Ndjson(Box<NdjsonReader>),
}

impl Rows {
    /// At most this many records; `None` at the end of the file.
    pub fn next(&mut self, most: usize, schema: &SchemaRef) -> Result<Option<Chunk>, FormatError> {
        match self {
            Self::Csv(file) => file.next(most, schema),
            Self::Ndjson(file) => file.next(most),
        }
    }

    /// Where the next record begins.
    pub fn at(&self) -> ReadOffset {
        match self {
            Self::Csv(file) => file.at(),
            Self::Ndjson(file) => file.at(),
        }
    }
}
