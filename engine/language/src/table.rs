//! What is known of a table: its columns and the rules that its rows keep.

use crate::column::ColumnType;
use serde::{Deserialize, Serialize};

/// A table's definition, as a system describes it, a generator declares it, or `schema.lock` remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDefinition {
    /// Columns, in order.
    pub columns: Vec<Column>,
    /// Columns of the primary key; empty if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Other unique sets of columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<Vec<String>>,
    /// References to other tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Conditions that every row meets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<RowCheck>,
    /// Indexes that no key or unique set implies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// What its system knows of it that cannot be said here and no copy gets, in words: an index over an expression, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaid: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// As the system spells it.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether it may hold NULL.
    #[serde(default)]
    pub nullable: bool,
    /// Default, as an SQL literal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The labels of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// How its own system declares it where `kind` does not say it all, as `postgres:jsonb`. A system of the same kind
    /// declares it the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

impl Column {
    /// A column that may hold NULL.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, nullable: true, default: None, labels: vec![], native: None }
    }

    /// How a system of this kind declares it, if it comes from one.
    pub fn native(&self, kind: &str) -> Option<&str> {
        self.native.as_deref()?.strip_prefix(kind)?.strip_prefix(':')
    }
}

/// A reference to another table of the same system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// Columns here.
    pub columns: Vec<String>,
    /// The table referred to.
    pub table: String,
    /// Its columns, in the same order.
    pub to: Vec<String>,
}

/// A condition on each row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowCheck {
    /// The constraint's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The condition in standard SQL, columns quoted with double quotes where needed.
    pub sql: String,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

impl TableDefinition {
    /// The columns that name a row: its key, else its first unique set; empty if there is neither.
    pub fn message_key(&self) -> &[String] {
        if self.key.is_empty() { self.unique.first().map_or(&[], Vec::as_slice) } else { &self.key }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
