//! TOML as values with places, and how a value becomes a type.

pub mod amount;
mod deserialize;
pub mod interpolate;
mod spanned;
mod value;

pub use deserialize::ReadError;
pub use spanned::Spanned;
pub use value::{Value, ValueKind};
