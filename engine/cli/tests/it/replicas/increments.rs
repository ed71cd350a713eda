//! What is new since the last run, and what is gone.

use super::Server;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

const TABLE: &str = "create table t (id int primary key, w text, at timestamptz default now());
    insert into t select i, 'w' || i from generate_series(1, 1000) i;";
const MODE: &str = "tables = [\"t\"]\nmode = \"incremental\"\ncursor = \"at\"";

#[test]
fn new_changed_and_deleted_rows_come_over() {
    let server = Server::with(TABLE);
    let test = server.project(MODE);
    test.run(&["run"]).code(0).says("Replicated r.t").says("1,000 rows").says("verified");
    assert!(server.same("t"));
    test.run(&["run"]).code(0).says("Reused r.t");
    server.run("insert into t values (1001, 'new'); update t set w = 'changed' where id <= 5; delete from t where id between 10 and 19");
    test.run(&["run"]).code(0).says("6 rows").says("new or changed").says("verified");
    assert!(server.same("t"));
    server.run("delete from t where id = 1");
    test.run(&["run"]).code(0).says("0 rows");
    assert!(server.same("t"));
    server.run("delete from t where id = 2; insert into t values (3000, 'for 2')");
    test.run(&["run"]).code(0).says("1 row");
    assert!(server.same("t"));
    let left = "select count(*) from pg_tables where schemaname || '.' = 'TO.' and tablename like 'engine_stage%'";
    assert_eq!(server.value(left), "0");
}

#[test]
fn a_row_that_is_committed_late_is_not_missed() {
    let server = Server::with(TABLE);
    let test = server.project(MODE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |on: &mut PgConnection, sql: &str| {
        runtime.block_on(raw_sql(AssertSqlSafe(sql.to_owned())).execute(on)).unwrap();
    };
    let mut late = runtime.block_on(PgConnection::connect(&super::url())).unwrap();
    // Takes its time, and its number among transactions, before others; is committed after they were copied.
    run(&mut late, &server.named("begin; insert into FROM.t values (5000, 'late')"));
    let mut later = runtime.block_on(PgConnection::connect(&super::url())).unwrap();
    // Takes its time, but no number yet.
    run(&mut later, "begin; select now()");
    server.run("insert into t values (5001, 'early')");
    test.run(&["run"]).code(0).says("1,001 rows");
    run(&mut late, "commit");
    run(&mut later, &server.named("insert into FROM.t values (5002, 'later'); commit"));
    test.run(&["run"]).code(0).says("verified");
    assert!(server.same("t"));
    assert_eq!(server.value("select count(*) from TO.t where id >= 5000"), "3");
}

#[test]
fn rows_that_are_appended_do_not_have_the_table_read() {
    let server = Server::with("create table t (id int primary key); insert into t select generate_series(1, 1000)");
    let model = "{{ config(materialized = \"incremental\", strategy = \"append\") }}\n\
                 select id from {{ source(\"a\", \"t\") }}";
    let test = server.project("tables = [\"t\"]").file("project/models/m.sql", model);
    test.run(&["run", "m"]).code(0);
    let read = || {
        let sql = "select seq_tup_read from pg_stat_user_tables where schemaname || '.' = 'TO.' and relname = 'm'";
        server.value(sql).parse::<u64>().unwrap()
    };
    let before = read();
    for round in 2..5 {
        server.run(&format!("insert into t values ({round}000)"));
        test.run(&["run", "m"]).code(0).says("Succeeded m");
        assert_eq!(
            server.value("select count(*) from TO.m"),
            (round * 1000 + (2..=round).map(|r| r - 1).sum::<i32>()).to_string()
        );
    }
    // Each count reads it once, and nothing else does.
    let counted = [2001, 3003, 4006].iter().sum::<u64>();
    assert_eq!(read() - before, counted, "the table is only read by who counts it");
}

#[test]
fn a_plan_says_whose_rows_were_read_and_why() {
    let server = Server::with(TABLE);
    let test = server.project("tables = [\"t\"]");
    test.run(&["run"]).code(0);
    server.run("create table other as select 1 as one; alter table t enable row level security");
    let plan = test.run(&["plan"]).code(0).stdout;
    assert!(plan.contains("the rows of `t` of `a` were read: something was written on its server"), "{plan}");
    server.run("create table another as select 1 as one");
    let json: serde_json::Value =
        serde_json::from_str(&test.run(&["plan", "--output", "json"]).code(0).stdout).unwrap();
    assert_eq!(json["rows_read"][0]["because"], "any_write");
}

#[test]
fn an_overlap_reads_again_as_far_back_as_it_says() {
    let server = Server::with(&format!("{TABLE} create view v as select * from t"));
    let test = server.project("tables = [\"v\"]\nmode = \"incremental\"\ncursor = \"at\"");
    test.run(&["run"]).code(1).says("error[E0330]").says("has no key").says("[sources.a.tables.v]");
    let sources = test.read("project/sources.toml") + "[sources.a.tables.v]\nkey = [\"id\"]\n";
    test.write("project/sources.toml", &sources);
    test.run(&["run"]).code(1).says("which of its rows were committed late cannot be told").says("overlap");
    test.write("project/sources.toml", &sources.replace("cursor = \"at\"", "cursor = \"at\"\noverlap = \"1h\""));
    server.run("update t set at = now() - interval '3 h'");
    test.run(&["run"]).code(0).says("1,000 rows");
    server.run("insert into t values (2001, 'in time', now() - interval '2 h'), (2002, 'now', now())");
    test.run(&["run"]).code(0).says("2 rows");
    server.run("insert into t values (2003, 'within the hour', now() - interval '30 min')");
    test.run(&["run"]).code(0).says("2 rows");
    assert!(server.same("v"));
}

#[test]
fn a_new_column_copies_the_table_anew() {
    let server = Server::with(TABLE);
    let test = server.project(MODE);
    test.run(&["run"]).code(0);
    server.run("alter table t add more int default 7");
    test.run(&["run"]).code(0).says("1,000 rows");
    assert!(server.same("t"));
}

#[test]
fn a_copy_that_others_changed_is_told() {
    let server = Server::with(TABLE);
    let test = server.project(MODE);
    test.run(&["run"]).code(0);
    server.run(&server.named("delete from TO.t where id = 7; insert into t values (4000, 'x')"));
    let sources = test.read("project/sources.toml") + "verify = \"count\"\n";
    test.write("project/sources.toml", &sources);
    test.run(&["run"]).code(1).says("error[E0312]").says("--full-refresh");
    test.run(&["run", "r.t", "--full-refresh"]).code(0).says("1,001 rows");
    assert!(server.same("t"));
}

#[test]
fn an_increment_says_what_it_needs() {
    let server = Server::with("create table t (w text)");
    let test = server.project("tables = [\"t\"]\nmode = \"incremental\"");
    test.run(&["check"]).code(1).says("error[E0004]: the key `cursor` is missing");
    test.write(
        "project/sources.toml",
        &(test.read("project/sources.toml") + "cursor = \"wrong\"\n[sources.a.tables.t]\nkey = [\"w\"]\n"),
    );
    test.run(&["run"]).code(1).says("`t` has no column `wrong`").says("correct `cursor`");
}
