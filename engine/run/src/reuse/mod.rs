//! Whether a node is unchanged, and why not.

pub mod explain_changes;
pub mod versions;
