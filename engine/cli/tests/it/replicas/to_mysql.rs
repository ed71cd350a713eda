//! From PostgreSQL to MySQL: what comes with the rows, what is reused, and what is said before.

use super::{Server, database::Database};
use crate::builder::Test;

/// The replication's target is the database instead.
pub fn project(server: &Server, there: &Database, replication: &str) -> Test {
    moved(server.project(replication), &server.to, there)
}

/// The project with a database of MySQL where a schema was.
fn moved(test: Test, schema: &str, there: &Database) -> Test {
    let schema = format!("type = \"postgres\"\nurl = \"{}\"\nschema = \"{schema}\"\n", super::url());
    let sources = test.read("project/sources.toml");
    assert!(sources.contains(&schema), "{sources}");
    test.write("project/sources.toml", &sources.replace(&schema, &there.keys()));
    test
}

const SHOP: &str = "
    create type mood as enum ('Happy', 'sad');
    create table parents (id int primary key, name varchar(80) not null unique, m mood default 'sad', amount numeric(12, 2),
        constraint positive check (amount >= 0));
    create index by_mood on parents (m);
    create table children (id bigint primary key, parent int references parents, at timestamptz default now(), ok boolean);
    insert into parents select i, 'n' || i, (array['Happy', 'sad'])[i % 2 + 1]::mood, i / 4.0
        from generate_series(1, 500) i;
    insert into children select i, i % 500 + 1, now(), i % 3 = 0 from generate_series(1, 2000) i;";

#[test]
fn tables_come_with_keys_and_rules_and_are_reused() {
    let server = Server::with(SHOP);
    let there = Database::new();
    let test = project(&server, &there, "tables = [\"*\"]");
    test.run(&["run"]).code(0).says("Replicated r.parents").says("500 rows").says("2,000 rows").says("verified");
    assert_eq!(there.value("select sum(amount) from DB.parents"), server.value("select sum(amount) from FROM.parents"));
    assert_eq!(there.value("select count(*) from DB.children where ok"), "666");
    let keys = "select group_concat(constraint_name order by constraint_name) from information_schema.table_constraints
        where constraint_schema = database() and table_name = 'children' and constraint_type <> 'CHECK'";
    let keys = keys.replace("database()", &format!("'{}'", there.name));
    assert!(there.value(&keys).contains("PRIMARY"), "{}", there.value(&keys));
    assert_eq!(there.value(&keys).matches(',').count(), 1, "one foreign key beside the primary one");
    test.run(&["run"]).code(0).says("Reused r.parents").says("2 reused");
    server.run("update parents set amount = 0 where id = 1");
    test.run(&["run"]).code(0).says("Replicated r.parents");
    assert_eq!(there.value("select amount from DB.parents where id = 1"), "0.00");
}

#[test]
fn what_is_new_changed_and_gone_comes_over() {
    let server = Server::with(SHOP);
    let there = Database::new();
    let test = project(
        &server,
        &there,
        "tables = [\"children\"]\nmode = \"incremental\"\ncursor = \"at\"\nallow = [\"W0515\"]",
    );
    test.run(&["run"]).code(0).says("2,000 rows").says("verified");
    server.run("delete from children where id <= 10; update children set ok = true, at = clock_timestamp() where id in (11, 12);
        insert into children values (9000, 1, clock_timestamp(), false)");
    test.run(&["run"]).code(0).says("3 rows").says("new or changed").says("counted");
    let digest = |children: &str| {
        format!("select concat(count(*), ' ', sum(id), ' ', sum(case when ok then 1 else 0 end)) from {children}")
    };
    assert_eq!(there.value(&digest("DB.children")), server.value(&digest("FROM.children")));
    test.run(&["run"]).code(0).says("Reused r.children");
}

#[test]
fn what_mysql_cannot_carry_is_said_before_the_run() {
    let server = Server::with(
        "create table t (id int primary key, place inet, long varchar(2000), constraint spelt check (long ~ '^a'));
         insert into t values (1, '10.0.0.1', 'abc')",
    );
    let there = Database::new();
    let test = project(&server, &there, "tables = [\"t\"]");
    let done = test.run(&["check", "--online"]).code(0);
    let done = done.says("warning[W0512]: `a.t`: column `long` holds 2000 characters, and its copy is not limited");
    done.says("warning[W0514]: `a.t`: MySQL does not understand the check `long ~ '^a'`");
    test.run(&["run"]).code(0).says("Replicated r.t").says("verified");
    assert_eq!(there.value("select concat(place, ' ', `long`) from DB.t"), "10.0.0.1 abc");
}

#[test]
fn a_name_that_is_too_long_is_said_before_the_run() {
    let server = Server::with("create table t (id int)");
    let there = Database::new();
    let long = "ü".repeat(60);
    there.run(&format!("create table {}.t (id int primary key, `{long}` int)", there.name));
    let test = moved(server.project("tables = [\"t\"]"), &server.from, &there);
    test.run(&["check", "--online"])
        .code(0)
        .says("warning[W0517]")
        .says("more than the 63 bytes that PostgreSQL keeps");
}

#[test]
fn a_type_that_mysql_does_not_have_is_said_before_the_run() {
    let server = Server::with("create table t (id int primary key, span interval)");
    let there = Database::new();
    let test = project(&server, &there, "tables = [\"t\"]");
    test.run(&["check", "--online"])
        .code(0)
        .says("warning[W0516]: `a.t`: column `span` is of type interval, which MySQL does not have");
    let run = test.run(&["run"]).code(1);
    run.says("column `span`: MariaDB has no intervals");
}
