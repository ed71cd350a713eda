//! A part of a replication leaves its tables as a run of the whole would.

use super::{Server, database::Database, to_mysql::project};

const SHOP: &str = "create table users (id int primary key, name varchar(20));
    create table orders (id int primary key, user_id int references users);
    insert into users values (1, 'a'), (2, 'b'); insert into orders values (1, 1), (2, 2)";

const KEYS: &str = "select count(*) from pg_constraint where conrelid = 'TO.orders'::regclass and contype = 'f'";

#[test]
fn a_part_keeps_its_foreign_keys() {
    let server = Server::with(SHOP);
    let test = server.project("tables = [\"*\"]");
    test.run(&["run"]).code(0);
    server.run("insert into orders values (3, 1)");
    test.run(&["run", "r.orders"]).code(0).says("3 rows").says("verified");
    assert_eq!(server.value(&server.named(KEYS)), "1");
    server.run("insert into users values (3, 'c')");
    test.run(&["run", "r.users"]).code(0).says("3 rows");
    assert_eq!(server.value(&server.named(KEYS)), "1");
    assert!(server.same("users") && server.same("orders"));
    test.run(&["run"]).code(0).says("2 reused");
}

#[test]
fn a_part_keeps_its_foreign_keys_in_mysql() {
    let (server, there) = (Server::with(SHOP), Database::new());
    let test = project(&server, &there, "tables = [\"*\"]");
    let keys = format!(
        "select count(*) from information_schema.key_column_usage where table_schema = '{}' and table_name = 'orders' \
         and referenced_table_name = 'users'",
        there.name
    );
    test.run(&["run"]).code(0);
    assert_eq!(there.value(&keys), "1");
    server.run("insert into orders values (3, 1)");
    test.run(&["run", "r.orders"]).code(0).says("3 rows").says("verified");
    assert_eq!(there.value(&keys), "1");
    server.run("insert into users values (3, 'c'); insert into orders values (4, 3)");
    test.run(&["run", "r.orders"])
        .code(1)
        .says("refers to a row of `users` that is not there")
        .says("`engine run r.*`");
    test.run(&["run"]).code(0).says("4 rows");
    assert_eq!(there.value(&keys), "1");
}

#[test]
fn a_part_that_needs_rows_of_an_older_copy_is_refused() {
    let server = Server::with(SHOP);
    let test = server.project("tables = [\"*\"]");
    test.run(&["run"]).code(0);
    server.run("insert into users values (3, 'c'); insert into orders values (3, 3)");
    test.run(&["run", "r.orders"]).code(1).says("only a part of `r` was copied").says("`engine run r.*`");
    assert_eq!(server.value("select count(*) from TO.orders"), "2");
    test.run(&["run"]).code(0);
    assert!(server.same("users") && server.same("orders"));
}

#[test]
fn a_part_that_came_first_gets_its_foreign_keys_when_it_can() {
    let server = Server::with(SHOP);
    let test = server.project("tables = [\"*\"]");
    test.run(&["run", "r.orders"]).code(0).says("2 rows");
    assert_eq!(server.value(&server.named(KEYS)), "0");
    test.run(&["run", "r.users"]).code(0).says("2 rows");
    test.run(&["run"]).code(0).says("Replicated r.orders");
    assert_eq!(server.value(&server.named(KEYS)), "1");
    test.run(&["run"]).code(0).says("2 reused");
}
