//! Places in a source's history.

use serde::{Deserialize, Serialize};

/// A place in a source's history; only its connector can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(pub serde_json::Value);

/// What tells whether a table changed. Two tokens with the same `value` stand for the same rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Compared.
    pub value: String,
    /// What the connector needs in order to answer "unchanged" cheaply next time, such as a file's size and time.
    pub hint: serde_json::Value,
}
