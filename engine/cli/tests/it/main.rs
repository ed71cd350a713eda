//! Tests of the program as it is typed.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod builder;
mod codes;
mod commands;
mod docs;
mod doctor;
mod faults;
mod growing;
mod killed;
mod limits;
mod mistakes;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../../../connect/tests/it/mortal.rs"]
mod mortal;
mod names;
mod pipes;
mod plans;
mod replicas;
mod retry;
mod runs;
mod schedules;
mod seeds;
mod serve;
mod serve_records;
mod served;
mod streams;
mod tidy;
mod usage;
mod values;
mod watching;
mod web;
mod web_api;
mod web_attacks;
mod web_browser;
mod web_security;

/// The MySQL or MariaDB server under test.
fn mysql_url() -> String {
    std::env::var("ENGINE_TEST_MYSQL_URL")
        .expect("ENGINE_TEST_MYSQL_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}
