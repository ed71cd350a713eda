//! `generators.toml`: synthetic data, as config.

mod raw;
pub(super) mod read;
pub mod table;

use super::toml::{Spanned, Value};
use crate::{column::ColumnType, files::Span, id::TableId, name::Name};
use std::time::Duration;

/// One generator: the rows of one table or topic, as functions of a seed and the row's number.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Its name, which other generators refer to.
    pub name: Spanned<Name>,
    /// `source.table` that it fills; without it, the rows can only be referred to.
    pub into: Option<Into>,
    /// How many rows.
    pub rows: Rows,
    /// One message each such time, under `generate --forever`.
    pub every: Option<Duration>,
    /// Columns, in the order written.
    pub columns: Vec<GeneratedColumn>,
    /// Conditions for the table that is created.
    pub checks: Vec<Spanned<String>>,
    /// Further unique sets of columns for the table that is created.
    pub unique: Vec<Vec<String>>,
    /// Indexes for the table that is created, each a list of columns.
    pub indexes: Vec<Vec<String>>,
    /// What goes wrong on purpose, for topics.
    pub faults: Faults,
    /// The seed of this generator, from the file's `seed` and its name.
    pub seed: u64,
    /// What `now` means, in microseconds since 1970 UTC; `None` is the run's start.
    pub as_of_us: Option<i64>,
    /// A digest of all that the user wrote for it, after interpolation.
    pub fingerprint: String,
}

/// `into = "shop.users"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Into {
    /// The source.
    pub source: Name,
    /// Its table or topic.
    pub table: Name,
    /// Where that is written.
    pub span: Span,
}

impl Into {
    /// The table.
    pub fn table_id(&self) -> TableId {
        TableId::new(self.source.clone(), self.table.clone())
    }
}

/// How many rows a generator makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// As many as this.
    Count(u64),
    /// `per = "orders"`: from `min` to `max` for each row of another generator.
    Per {
        /// The other generator.
        parent: Spanned<Name>,
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
}

/// A column, and how its values are made.
#[derive(Clone, Debug)]
pub struct GeneratedColumn {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type, written or implied by how it is made; `None` if another generator's column decides.
    pub kind: Option<ColumnType>,
    /// How its values are made.
    pub maker: Maker,
    /// Part of the table's key.
    pub key: bool,
    /// No value twice.
    pub unique: bool,
    /// The share of rows that are NULL, 0 to 1.
    pub nulls: f64,
    /// `when`: a condition over the row's other columns; where it is not true, the value is NULL.
    pub when: Option<Spanned<String>>,
    /// Whether the created table allows NULL, if the user said so.
    pub nullable: Option<bool>,
    /// Default of the created column, as an SQL literal.
    pub default: Option<String>,
    /// A condition on the value for the created table, such as `price >= 0`.
    pub check: Option<Spanned<String>>,
    /// The column's whole table in the file.
    pub span: Span,
}

/// How values are made.
#[derive(Clone, Debug)]
pub enum Maker {
    /// `sequence = 1`: counts up from there.
    Sequence(i64),
    /// `fake = "email"`: a word of the fake data.
    Fake(Spanned<String>),
    /// `between = [low, high]`: evenly between the two, both included.
    Between {
        /// A number, date, or time such as `"-365d"` before `now`.
        low: Value,
        /// The same.
        high: Value,
    },
    /// `one_of = [..]`, with `weights`.
    OneOf {
        /// The values.
        values: Vec<Value>,
        /// As many weights, or none for equal ones.
        weights: Vec<f64>,
    },
    /// `references = "users.user_id"`: the key of a row of another generator.
    References {
        /// That generator.
        generator: Spanned<Name>,
        /// Its column.
        column: String,
        /// How unevenly rows are chosen.
        skew: Skew,
    },
    /// `after = "users.registration_date"`, `within = "365d"`: a time after another column's of the same row or of the row referred to.
    After {
        /// The generator that a reference leads to; `None` is this row.
        generator: Option<Spanned<Name>>,
        /// The column.
        column: Spanned<String>,
        /// At most this much later.
        within: Duration,
    },
    /// `near = "products.price"`, `spread = 0.1`: a number within that share of another column's, of the same row or of the row referred to.
    Near {
        /// The generator that a reference leads to; `None` is this row.
        generator: Option<Spanned<Name>>,
        /// The column.
        column: Spanned<String>,
        /// The share, 0 to 1.
        spread: f64,
    },
    /// `sql = "…"`: an expression over the row's other columns, or one `select` over generators that refers to this one's row.
    Sql(Spanned<String>),
    /// `value = …`: always the same.
    Constant(Value),
}

/// How unevenly rows are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Skew {
    /// Evenly.
    #[default]
    Uniform,
    /// The few are chosen by the many: Zipf's law with exponent 1.
    Zipf,
}

/// What goes wrong on purpose, each a share of the messages, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Sent twice.
    pub duplicate: f64,
    /// Sent after later ones.
    pub late: f64,
    /// Cut or garbled, so that it cannot be read.
    pub corrupt: f64,
}
