//! What a model says of itself: `config(…)`.

use super::{Check, CheckSeverity};
use crate::{
    config::toml::{Spanned, Value},
    files::Span,
    name::Name,
};

/// `config(…)`.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// Where the call stands; the file's first byte if there is none.
    pub span: Span,
    /// What is made of the rows.
    pub materialized: Materialized,
    /// Where they go; `None` is the default sink.
    pub sink: Option<Spanned<Name>>,
    /// The table's name in the sink, `alias`; the model's name if not given.
    pub table: Spanned<Name>,
    /// The columns that name a row; empty if none.
    pub key: Vec<Spanned<String>>,
    /// How an incremental model adds rows.
    pub strategy: Strategy,
    /// The column that only grows.
    pub cursor: Option<Spanned<String>>,
    /// What the docs say.
    pub description: Option<String>,
    /// For `tag:x`.
    pub tags: Vec<String>,
    /// What the new rows must satisfy before readers see them.
    pub checks: Vec<Check>,
    /// `meta = {…}`, for the user's own use.
    pub meta: Option<Value>,
    /// `severity = "warn"`, for singular tests.
    pub severity: CheckSeverity,
    /// `full_refresh = false` keeps what is there whatever is typed, `true` always makes it anew; `None` goes by what is typed.
    pub full_refresh: Option<bool>,
    /// `enabled = false` leaves the model out of the project.
    pub enabled: bool,
}

/// What is made of a model's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Materialized {
    /// A table, replaced in one step.
    #[default]
    Table,
    /// Nothing stored: readers run its SQL.
    View,
    /// Like a view, and nobody but other models can read it.
    Ephemeral,
    /// A table that grows.
    Incremental,
    /// A table that follows a topic.
    Stream,
    /// All versions of each row, by key.
    History,
}

impl Materialized {
    /// The word in `config(materialized = "…")`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Ephemeral => "ephemeral",
            Self::Incremental => "incremental",
            Self::Stream => "stream",
            Self::History => "history",
        }
    }
}

/// How an incremental or stream model adds its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Adds them. The default without a key.
    #[default]
    Append,
    /// Updates rows of the same key, adds the others. The default with a key.
    Merge,
    /// Deletes rows of the same key, then adds.
    DeleteInsert,
}
