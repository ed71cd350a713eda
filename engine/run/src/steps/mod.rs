//! What each kind of step does: one file or folder a kind.

mod append_mark;
pub mod emit;
pub mod generate;
pub mod model;
pub mod replicate;
pub mod seed;
pub mod stream;
mod table;
pub mod test;
