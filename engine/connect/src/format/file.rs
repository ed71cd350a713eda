//! What the readers of files share, whatever the format.

use datafusion::arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use std::{fs::File, io};

/// A file that its reader opens.
pub trait SourceFile: Send {
    /// Opens it; an error if it is no longer the file that it was.
    fn open(&self) -> io::Result<File>;
    /// Its bytes; what stands behind them is not read.
    fn size_bytes(&self) -> u64;
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum FormatError {
    /// It cannot be read.
    Io(io::Error),
    /// A line, from 1, does not hold what was declared; 0 where there are no lines.
    Data(u64, String),
    /// The file as a whole is not what was declared.
    Declared(String),
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How far a file was read: what stands before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOffset {
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
