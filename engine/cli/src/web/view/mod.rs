//! What pages and the API show.

pub mod freshness;
pub mod node;
pub mod picture;
