//! Tests of the crate through its public face.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod config;
mod consequences;
mod dbt_project;
mod graph;
mod outside;
mod select;
mod sql;
mod support;
mod template;
