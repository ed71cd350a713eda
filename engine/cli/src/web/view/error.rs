//! Why a request is not answered as it was asked.

use schemars::JsonSchema;
use serde::Serialize;

/// What went wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Error {
    /// One sentence.
    pub error: String,
}
