//! Mistakes that a whole run finds, each by its code.

use crate::builder::Test;
use std::{fs, time::Duration};

/// A project whose one model is this.
fn model(sql: &str) -> Test {
    Test::small().file("project/models/m.sql", sql)
}

#[test]
fn a_target_that_no_connection_has() {
    let test = model("select 1 as n");
    test.write(
        "project/sources.toml",
        &test.read("project/sources.toml").replace("connections.out", "connections.out.dev"),
    );
    let done = test.run(&["check", "-t", "deb"]).code(1).says("error[E0006]");
    let done = done.says("no connection has a target `deb`").says("targets: dev");
    assert!(!done.stderr.contains("E0401"), "what follows from it is not said\n{}", done.stderr);
    let sources = test.read("project/sources.toml") + "[connections.more.prod]\ntype = \"memory\"\n";
    test.write("project/sources.toml", &sources);
    let done = test.run(&["check", "-t", "prod"]).code(1).says("`out` stands for nothing in the target `prod`");
    done.says("project/sources.toml:6:14").says("`[connections.out.prod]`");
}

#[test]
fn a_variable_that_cannot_be_read() {
    let test = model("select 1 as n");
    test.write("project/sources.toml", &test.read("project/sources.toml").replace(".engine/out.db", "${OUT"));
    test.run(&["check"]).code(1).says("error[E0008]").says("write `$${` for a plain `${`");
}

#[test]
fn a_column_of_a_type_that_no_system_carries() {
    model("select named_struct('a', 1) as s")
        .run(&["run"])
        .code(1)
        .says("error[E0215]")
        .says("project/models/m.sql:1:");
}

#[test]
fn a_subquery_of_more_than_one_row() {
    model("select (select v.x from (values (1), (2)) as v(x)) as n").run(&["run"]).code(1).says("error[E0314]");
    let test =
        model("select (select v.x from (values (1), (2)) as v(x) where v.x > t.n) as n from (values (0)) as t(n)");
    test.run(&["run"]).code(1).says("error[E0314]").says("say which one");
}

#[test]
fn a_check_that_rows_break() {
    let test = model("{{ config(checks = [expression(\"n > 1\")]) }} select 1 as n");
    test.run(&["run"]).code(1).says("error[E0302]").says("project/models/m.sql:1:");
}

#[test]
fn a_value_that_cannot_be_carried() {
    let test = model("{{ config(key = ['n']) }} select column1 as n from (values (1), (1)) as t");
    test.run(&["run"]).code(1).says("error[E0304]");
}

#[test]
fn records_that_cannot_be_used() {
    let test = model("select 1 as n").file(".engine/state.db/in_the_way", "");
    test.run(&["run"]).code(2).says("state.db").says("unable to open database file");
}

#[test]
fn a_stream_that_does_not_read_one_topic() {
    let test = model("{{ config(materialized = 'stream') }} select 1 as n");
    test.run(&["run"]).code(1).says("error[E0310]").says("reads no topic");
}

#[test]
fn a_seed_that_cannot_be_read() {
    let test = Test::small().file("project/seeds/s.csv", "a,b\n1\n");
    test.run(&["check"]).code(1).says("error[E0311]").says("project/seeds/s.csv");
}

#[test]
fn a_name_that_cannot_be_one() {
    let test = model("select 1 as n");
    let long = "n".repeat(65);
    test.write(
        "project/sources.toml",
        &(test.read("project/sources.toml") + &format!("[sources.{long}]\nconnection = \"out\"\n")),
    );
    test.run(&["check"]).code(1).says("error[E0400]").says("project/sources.toml:7:10");
}

#[test]
fn a_system_that_refuses_and_one_that_fails() {
    let test = model("select 1 as n");
    fs::create_dir_all(test.path(".engine/out.db")).unwrap();
    test.run(&["run"]).code(1).says("error[E0510]");
    fs::remove_dir(test.path(".engine/out.db")).unwrap();
    test.run(&["run"]).code(0);
    let holder = rusqlite::Connection::open(test.path(".engine/out.db")).unwrap();
    holder.busy_timeout(Duration::from_secs(1)).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    let sources = test.read("project/sources.toml").replace("out.db\"\n", "out.db\"\nbusy_timeout_s = 0\n");
    test.write("project/sources.toml", &sources);
    test.write("project/models/m.sql", "select 2 as n");
    test.run(&["run"]).code(1).says("error[E0511]");
}

#[test]
fn a_part_of_the_language_that_is_not_built_yet() {
    let test = model("{{ config(materialized = 'history', key = ['n']) }} select 1 as n");
    test.run(&["run"]).code(1).says("error[E0309]").says("use `incremental` with a `key`");
}
