//! Why messages were not decoded.

use crate::hub::error::Error;
use datafusion::arrow::error::ArrowError;

/// Why messages were not decoded.
#[derive(Debug)]
pub enum DecodeError {
    /// One of them, or the columns, are to blame.
    Data(String),
    /// What they are read by is not to be had.
    Later(Box<Error>),
}

impl From<ArrowError> for DecodeError {
    fn from(error: ArrowError) -> Self {
        Self::Data(error.to_string())
    }
}

impl DecodeError {
    /// As an error of a connection.
    pub fn explained(self, data: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Data(why) => data(why),
            Self::Later(error) => *error,
        }
    }
}
