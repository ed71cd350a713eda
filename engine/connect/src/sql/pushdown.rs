//! What is left to a server that can answer queries.

/// What is left to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pushdown {
    /// What comes to just the same.
    #[default]
    Safe,
    /// Nothing but the choice of columns.
    None,
}
