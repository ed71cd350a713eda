//! What SQL systems share.

pub mod aggregate;
pub(crate) mod aggregate_query;
pub(crate) mod background;
pub(crate) mod condition;
pub(crate) mod filter;
pub(crate) mod identifier;
pub(crate) mod literal;
pub(crate) mod pool;
pub mod pushdown;
pub(crate) mod single_flight;
pub(crate) mod type_text;
pub(crate) mod url;
