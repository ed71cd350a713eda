//! The rules that a model's rows must satisfy.

use crate::{
    config::toml::{Value, ValueKind},
    files::Span,
    name::Name,
};

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
