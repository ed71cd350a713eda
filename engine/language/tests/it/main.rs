//! Tests of the crate through its public face.

mod config;
mod outside;
mod support;
mod template;
