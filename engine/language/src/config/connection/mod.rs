//! `[connections.NAME]`: a name for a system, and what stands behind it in the chosen target.

mod known;
pub(super) mod read;

pub(super) use known::KnownConnections;

use super::toml::{Spanned, Value};
use crate::name::Name;

/// A connection in the chosen target. Its remaining fields are typed late, by the connector that `type` names.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `shop` in `[connections.shop]`.
    pub name: Spanned<Name>,
    /// The word after `type =`.
    pub kind: Spanned<String>,
    /// The table's other fields, interpolated.
    pub fields: Value,
}
