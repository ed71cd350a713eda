//! Tests of the program as it is typed.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod builder;
mod codes;
mod commands;
mod docs;
mod faults;
mod growing;
mod limits;
mod mistakes;
mod pipes;
mod plans;
mod replicas;
mod retry;
mod runs;
mod schedules;
mod serve;
mod served;
mod streams;
mod tidy;
mod usage;
mod watching;
mod web;
mod web_browser;
mod web_security;
