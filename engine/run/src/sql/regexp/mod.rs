//! Regular expressions as PostgreSQL has them (chapter 9.7 of its manual): its functions, and the operators that are
//! written as calls of them.

mod functions;
mod pattern;
mod translate;

pub use functions::functions;
