//! A model: one templated SELECT, and what its `config()` says.

use crate::{
    config::{
        Spanned,
        value::{Value, ValueKind},
    },
    files::{FileId, Span},
    fingerprint::Fingerprint,
    name::Name,
    template::Rendered,
};

/// One file of `models/`.
#[derive(Clone, Debug)]
pub struct Model {
    /// The file's name without `.sql`.
    pub name: Name,
    /// The file.
    pub file: FileId,
    /// What `config()` says, with defaults.
    pub config: ModelConfig,
    /// The SQL, rendered with `is_incremental()` false. `reads` are those of both renderings.
    pub rendered: Rendered,
    /// The SQL, rendered with `is_incremental()` true; `None` if the model does not ask.
    pub incremental: Option<Rendered>,
    /// What it says, spaces and comments aside.
    pub fingerprint: Fingerprint,
}

/// One file of `tests/*.sql`: it must return no rows.
#[derive(Clone, Debug)]
pub struct SingularTest {
    /// The file's name without `.sql`.
    pub name: Name,
    /// The file.
    pub file: FileId,
    /// Whether rows are an error or a warning.
    pub severity: CheckSeverity,
    /// The SQL.
    pub rendered: Rendered,
    /// What it says, spaces and comments aside.
    pub fingerprint: Fingerprint,
}

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

/// A rule that the new rows must satisfy.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The rule.
    pub rule: Rule,
    /// What breaking it means.
    pub severity: CheckSeverity,
    /// The place of the call in the model's file.
    pub span: Span,
}

/// What breaking a rule means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckSeverity {
    /// The node fails, and readers keep the old table.
    #[default]
    Error,
    /// It is reported.
    Warn,
}

/// The kinds of checks.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `not_null("column")`
    NotNull(String),
    /// `unique("column", …)`
    Unique(Vec<String>),
    /// `accepted_values("column", [..])`
    AcceptedValues(String, Vec<Value>),
    /// `relationships("column", to = "model or source.table", field = "column")`
    Relationships {
        /// The column here.
        column: String,
        /// A model, a seed, a copied table `replica.users`, or `source.table`.
        to: Name,
        /// The column there.
        field: String,
    },
    /// `between("column", low, high)`, both included.
    Between(String, Value, Value),
    /// `row_count(min = 1, max = 100)`
    RowCount {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// `expression("total >= 0")`: true for every row.
    Expression(String),
}

impl Rule {
    /// The rule as the user would write it: `not_null("id")`.
    pub fn say(&self) -> String {
        match self {
            Self::NotNull(column) => format!("not_null({column:?})"),
            Self::Unique(columns) => {
                let columns: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
                format!("unique({})", columns.join(", "))
            }
            Self::AcceptedValues(column, values) => {
                let values: Vec<String> = values.iter().map(say).collect();
                format!("accepted_values({column:?}, [{}])", values.join(", "))
            }
            Self::Relationships { column, to, field } => {
                format!("relationships({column:?}, to = {to:?}, field = {field:?})")
            }
            Self::Between(column, low, high) => format!("between({column:?}, {}, {})", say(low), say(high)),
            Self::RowCount { min, max } => {
                let bound = |word: &str, bound: &Option<u64>| bound.map(|n| format!("{word} = {n}"));
                let bounds: Vec<String> = [bound("min", min), bound("max", max)].into_iter().flatten().collect();
                format!("row_count({})", bounds.join(", "))
            }
            Self::Expression(sql) => format!("expression({sql:?})"),
        }
    }
}

/// A value as the user would write it in `config()`.
fn say(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => format!("{text:?}"),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(truth) => truth.to_string(),
        ValueKind::Array(items) => format!("[{}]", items.iter().map(say).collect::<Vec<_>>().join(", ")),
        ValueKind::Table(entries) => {
            let entries: Vec<String> = entries.iter().map(|(key, _, item)| format!("{key:?}: {}", say(item))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}
