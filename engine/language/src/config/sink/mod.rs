//! `[sinks.NAME]`: where results may be written.

pub(super) mod read;

use super::toml::Spanned;
use crate::name::Name;

/// A place for results.
#[derive(Clone, Debug)]
pub struct Sink {
    /// `marts` in `config(sink = "marts")`.
    pub name: Spanned<Name>,
    /// The connection that holds it.
    pub connection: Spanned<Name>,
}
