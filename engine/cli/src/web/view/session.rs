//! Signing in, and one's own password.

use schemars::JsonSchema;
use serde::Serialize;

/// The form for signing in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Login {
    /// Where to go afterwards.
    pub next: String,
    /// The name that was typed.
    pub name: String,
    /// Why the last try failed.
    pub error: Option<String>,
    /// Whether the first password still stands.
    pub first: bool,
}

/// The form for one's own password.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Password {
    /// Why the last try failed.
    pub error: Option<String>,
}
