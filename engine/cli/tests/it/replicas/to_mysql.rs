//! From PostgreSQL to MySQL: what comes with the rows, what is reused, and what is said before.

use super::Server;
use crate::{builder::Test, mysql_url as url};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row};
use tokio::runtime::Runtime;

/// A database of MySQL's server, beside the schemas of PostgreSQL's.
struct Database {
    name: String,
    runtime: Runtime,
}

/// The server, without a database.
fn at() -> String {
    url().rsplit_once('/').unwrap().0.to_owned()
}

impl Database {
    fn beside(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let database = Self { name: server.to.clone(), runtime };
        database.run(&format!("create database {}", database.name));
        database
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(async {
            let mut on = MySqlConnection::connect(&url()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut on).await.unwrap();
        });
    }

    /// One value as text. `TO` is the database.
    fn value(&self, sql: &str) -> String {
        let sql = format!("select cast(({}) as char)", sql.replace("TO.", &format!("{}.", self.name)));
        self.runtime.block_on(async {
            let mut on = MySqlConnection::connect(&url()).await.unwrap();
            let row = sqlx::query(AssertSqlSafe(sql.clone())).fetch_one(&mut on).await;
            let row = row.unwrap_or_else(|error| panic!("{sql}: {error}"));
            row.get::<Option<String>, _>(0).unwrap_or_else(|| "NULL".into())
        })
    }

    /// The project's target is here instead.
    fn project(&self, server: &Server, replication: &str) -> Test {
        let test = server.project(replication);
        let there = format!("type = \"postgres\"\nurl = \"{}\"\nschema = \"{}\"", super::url(), server.to);
        let database = &self.name;
        let at = at();
        let sources = test.read("project/sources.toml");
        let sources = sources.replace(&there, &format!("type = \"mysql\"\nurl = \"{at}/{database}\""));
        assert!(sources.contains("type = \"mysql\""), "{sources}");
        test.write("project/sources.toml", &sources);
        test
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.run(&format!("drop database if exists {}", self.name));
        }
    }
}

const SHOP: &str = "
    create type mood as enum ('Happy', 'sad');
    create table parents (id int primary key, name varchar(80) not null unique, m mood default 'sad', amount numeric(12, 2),
        doc jsonb, constraint positive check (amount >= 0));
    create index by_mood on parents (m);
    create table children (id bigint primary key, parent int references parents, at timestamptz default now(), ok boolean);
    insert into parents select i, 'n' || i, (array['Happy', 'sad'])[i % 2 + 1]::mood, i / 4.0, jsonb_build_object('i', i)
        from generate_series(1, 500) i;
    insert into children select i, i % 500 + 1, now(), i % 3 = 0 from generate_series(1, 2000) i;";

#[test]
fn tables_come_with_keys_and_rules_and_are_reused() {
    let server = Server::with(SHOP);
    let there = Database::beside(&server);
    let test = there.project(&server, "tables = [\"*\"]");
    test.run(&["run"]).code(0).says("Replicated r.parents").says("500 rows").says("2,000 rows").says("verified");
    assert_eq!(there.value("select sum(amount) from TO.parents"), server.value("select sum(amount) from FROM.parents"));
    assert_eq!(there.value("select count(*) from TO.children where ok"), "666");
    let keys = "select group_concat(constraint_name order by constraint_name) from information_schema.table_constraints
        where constraint_schema = database() and table_name = 'children' and constraint_type <> 'CHECK'";
    let keys = keys.replace("database()", &format!("'{}'", there.name));
    assert!(there.value(&keys).contains("PRIMARY"), "{}", there.value(&keys));
    assert_eq!(there.value(&keys).matches(',').count(), 1, "one foreign key beside the primary one");
    test.run(&["run"]).code(0).says("Reused r.parents").says("2 reused");
    server.run("update parents set amount = 0 where id = 1");
    test.run(&["run"]).code(0).says("Replicated r.parents");
    assert_eq!(there.value("select amount from TO.parents where id = 1"), "0.00");
}

#[test]
fn what_is_new_changed_and_gone_comes_over() {
    let server = Server::with(SHOP);
    let there = Database::beside(&server);
    let test =
        there.project(&server, "tables = [\"children\"]\nmode = \"incremental\"\ncursor = \"at\"\nallow = [\"W0515\"]");
    test.run(&["run"]).code(0).says("2,000 rows").says("verified");
    server.run("delete from children where id <= 10; update children set ok = true, at = clock_timestamp() where id in (11, 12);
        insert into children values (9000, 1, clock_timestamp(), false)");
    test.run(&["run"]).code(0).says("3 rows").says("new or changed").says("verified");
    let digest = |children: &str| {
        format!("select concat(count(*), ' ', sum(id), ' ', sum(case when ok then 1 else 0 end)) from {children}")
    };
    assert_eq!(there.value(&digest("TO.children")), server.value(&digest("FROM.children")));
    test.run(&["run"]).code(0).says("Reused r.children");
}

#[test]
fn what_mysql_cannot_carry_is_said_before_the_run() {
    let server = Server::with(
        "create table t (id int primary key, place inet, long varchar(2000), constraint spelt check (long ~ '^a'));
         insert into t values (1, '10.0.0.1', 'abc')",
    );
    let there = Database::beside(&server);
    let test = there.project(&server, "tables = [\"t\"]");
    let done = test.run(&["check", "--online"]).code(0);
    let done = done.says("warning[W0512]: `a.t`: column `long` holds 2000 characters, and its copy is not limited");
    let done = done.says("warning[W0514]: `a.t`: MySQL does not understand the check `long ~ '^a'`");
    done.says("warning[W0516]: `a.t`: column `place` is `inet`");
    test.run(&["run"]).code(0).says("Replicated r.t").says("verified");
    assert_eq!(there.value("select concat(place, ' ', `long`) from TO.t"), "10.0.0.1 abc");
}

#[test]
fn a_name_that_is_too_long_is_said_before_the_run() {
    let server = Server::with("create table t (id int)");
    let there = Database::beside(&server);
    let long = "ü".repeat(60);
    there.run(&format!("create table {}.t (id int primary key, `{long}` int)", there.name));
    let at = at();
    let test = server.project("tables = [\"t\"]");
    let sources = test.read("project/sources.toml");
    let here = format!("type = \"postgres\"\nurl = \"{}\"\nschema = \"{}\"", super::url(), server.from);
    let sources = sources.replace(&here, &format!("type = \"mysql\"\nurl = \"{at}/{}\"", there.name));
    test.write("project/sources.toml", &sources);
    test.run(&["check", "--online"])
        .code(0)
        .says("warning[W0517]")
        .says("more than the 63 bytes that PostgreSQL keeps");
}
