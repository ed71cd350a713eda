//! Tests of the crate through its public face.

mod config;
mod graph;
mod outside;
mod select;
mod sql;
mod support;
mod template;
