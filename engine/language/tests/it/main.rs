//! Tests of the crate through its public face.

mod outside;
mod support;
mod template;
