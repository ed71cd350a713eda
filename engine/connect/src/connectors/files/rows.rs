//! A file of rows, whatever its format.

use super::{FileError, csv::Csv, ndjson::Ndjson};
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use serde::{Deserialize, Serialize};

/// A place in a file: what stands before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Bytes.
    pub bytes: u64,
    /// Records, blank lines aside.
    pub records: u64,
    /// Lines.
    pub lines: u64,
}

/// Some rows of a file.
pub struct Chunk {
    /// Those that could be read.
    pub batch: RecordBatch,
    /// Those that could not.
    pub refused: Vec<BadRow>,
    /// Both.
    pub seen: usize,
}

/// A record that could not be read as declared.
#[derive(Debug)]
pub struct BadRow {
    /// Its line, from 1.
    pub line: u64,
    /// What stands there.
    pub payload: Vec<u8>,
    /// Why.
    pub reason: String,
}

/// A file that is being read row by row.
pub enum Rows {
    /// Fields with a delimiter.
    Csv(Box<Csv>),
    /// A JSON object a line.
    Ndjson(Box<Ndjson>),
}

impl Rows {
    /// At most this many records; `None` at the end of the file.
    pub fn next(&mut self, most: usize, schema: &SchemaRef) -> Result<Option<Chunk>, FileError> {
        match self {
            Self::Csv(file) => file.next(most, schema),
            Self::Ndjson(file) => file.next(most),
        }
    }

    /// Where the next record begins.
    pub fn at(&self) -> At {
        match self {
            Self::Csv(file) => file.at(),
            Self::Ndjson(file) => file.at(),
        }
    }
}
