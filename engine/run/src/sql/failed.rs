//! The error of a value that cannot be computed.

use datafusion::error::DataFusionError;

/// An error of a value that cannot be computed.
pub fn failed(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}
