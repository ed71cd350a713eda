//! `tests/*.toml`: given rows, expected rows.

pub(super) mod read;

use super::toml::{Spanned, Value};
use crate::{files::Span, id::NodeId, name::Name};
use std::collections::BTreeMap;

/// One unit test of one model.
#[derive(Clone, Debug)]
pub struct UnitTest {
    /// `[NAME]`.
    pub name: Spanned<Name>,
    /// The model under test.
    pub model: Spanned<Name>,
    /// One step for most; several for incremental and stream models, run one after the other.
    pub steps: Vec<UnitStep>,
    /// Values for `var('name')`.
    pub vars: BTreeMap<String, Value>,
}

/// Rows in, rows out.
#[derive(Clone, Debug)]
pub struct UnitStep {
    /// Rows by what the model calls them: `orders`, `replica.orders`, `shop.orders`. Inputs not given are empty.
    pub given: BTreeMap<String, GivenRows>,
    /// The rows that the model must then hold, in any order; `None` if only an error is expected.
    pub expect: Option<GivenRows>,
    /// A part of the error that must come instead.
    pub expect_error: Option<Spanned<String>>,
}

impl UnitStep {
    /// The rows that are given for a node.
    pub fn rows_of(&self, node: &NodeId) -> Option<&GivenRows> {
        let named = |name: &str| NodeId::named(name).any(|id| id == *node);
        self.given.get(&*node.name()).or_else(|| self.given.iter().find(|(name, _)| named(name)).map(|(_, rows)| rows))
    }
}

/// Rows as the user wrote them: a table per row, columns by name, missing columns NULL.
#[derive(Clone, Debug)]
pub struct GivenRows {
    /// Where they stand.
    pub span: Span,
    /// The rows.
    pub rows: Vec<BTreeMap<String, Value>>,
}
