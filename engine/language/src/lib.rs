//! Understands a project: its configuration, templates and graph. No I/O, no clock, no data.
//!
//! Text goes in through a [`World`](world::World); a [`Project`](project::Project) and its
//! [`Problems`](diagnostic::Problems) come out of [`load`](load::load). Nothing here opens a file, reads the
//! environment or the time, or knows what DataFusion is.

mod check;
pub mod code;
pub mod column;
pub mod config;
pub mod diagnostic;
pub mod dialect;
pub mod files;
pub mod graph;
pub mod id;
pub mod load;
pub mod model;
pub mod name;
pub mod parallel;
pub mod project;
pub mod rendered;
mod resolve;
pub mod secret;
pub mod select;
pub mod sql;
pub mod table;
pub mod template;
pub mod world;
