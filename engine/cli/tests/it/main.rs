//! Tests of the program as it is typed.

mod builder;
mod commands;
mod faults;
mod runs;
mod usage;
mod watching;
