//! Places in a source's history.

use serde::{Deserialize, Serialize};

/// A place in a source's history; only its connector can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(pub serde_json::Value);
