//! Replications between PostgreSQL and MySQL or MariaDB, there and back, and of each to itself.

use super::{Server, database::Database};
use crate::builder::Test;

const SHOP: &str = "
    create table parents (id int primary key, name varchar(40) not null, amount numeric(12,2), born date, at timestamp(6),
        seen timestamptz, raw bytea, big bigint, real_one double precision, doc jsonb);
    create table children (id bigint primary key, parent int not null references parents (id), note text);
    create index by_parent on children (parent);
    insert into parents select i, 'Ω ' || i || ' ', i / 7.0, date '1970-01-01' + i, timestamp '2026-01-01 00:00:00.000001' + i * interval '1 s',
        timestamptz '2026-03-29 01:00:00+00' + i * interval '1 h', decode(lpad(to_hex(i), 4, '0'), 'hex'), -9223372036854775808 + i, i / 3.0,
        case when i % 10 = 0 then null else jsonb_build_object('i', i) end from generate_series(1, 500) i;
    insert into children select i, i % 500 + 1, case when i % 3 = 0 then null else E'a\\nb\\\\ ' || i end from generate_series(1, 2000) i";

/// Both systems, with a replication there and one back.
fn project(server: &Server, database: &Database, mode: &str) -> Test {
    let schema = |name: &str, schema: &str| {
        format!("[connections.{name}]\ntype = \"postgres\"\nurl = \"{}\"\nschema = \"{schema}\"\n", super::url())
    };
    let keys = "[sources.m.tables.parents]\nkey = [\"id\"]\n[sources.m.tables.children]\nkey = [\"id\"]\n";
    let text = format!(
        "default_sink = \"b\"\n{}{}[connections.m]\n{}[sources.a]\nconnection = \"a\"\n[sources.m]\nconnection = \"m\"\n{keys}\
         [sinks.b]\nconnection = \"b\"\n\
         [replications.there]\nfrom = \"a\"\nto = \"m\"\ntables = [\"parents\", \"children\"]\n{mode}\
         [replications.back]\nfrom = \"m\"\nto = \"b\"\ntables = [\"parents\", \"children\"]\nverify = \"target\"\n",
        schema("a", &server.from),
        schema("b", &server.to),
        database.keys(),
    );
    Test::new().file("project/sources.toml", &text)
}

/// All rows of both tables in one text, in types that both systems have.
fn all(server: &Server, schema: &str) -> String {
    let parents = "select string_agg(concat_ws('|', id, name, amount, born, at, seen::timestamp, raw, big, real_one, doc::jsonb), ';' \
                   order by id) from HERE.parents";
    let children =
        "select string_agg(concat_ws('|', id, parent, note, note is null), ';' order by id) from HERE.children";
    [parents, children].map(|sql| server.value(&sql.replace("HERE", schema))).join("\n")
}

#[test]
fn tables_go_to_mysql_and_come_back_as_they_were() {
    let (server, database) = (Server::with(SHOP), Database::new());
    let test = project(&server, &database, "");
    test.run(&["run", "there.*"])
        .code(0)
        .says("Replicated there.parents")
        .says("500 rows")
        .says("2,000 rows")
        .says("verified");
    assert_eq!(
        database.value("select concat(count(*), ' ', sum(amount), ' ', min(big)) from DB.parents"),
        server.value("select count(*) || ' ' || sum(amount) || ' ' || min(big) from FROM.parents")
    );
    let refers = "select group_concat(distinct referenced_table_name) from information_schema.key_column_usage \
                  where table_schema = 'HERE' and table_name = 'children' and referenced_table_name is not null";
    assert_eq!(database.value(&refers.replace("HERE", &database.name)), "parents");
    test.run(&["run", "back.*"]).code(0).says("Replicated back.children").says("verified");
    assert_eq!(all(&server, &server.to), all(&server, &server.from));
    server.run("update parents set name = 'changed' where id = 3; delete from children where id = 7; insert into children values (9999, 1, 'new')");
    test.run(&["run", "there.*"]).code(0);
    test.run(&["run", "back.*"]).code(0);
    assert_eq!(all(&server, &server.to), all(&server, &server.from));
}

#[test]
fn increments_go_to_mysql() {
    let server = Server::with("create table parents (id int primary key, name varchar(40), at timestamp not null default now());
        create table children (id int primary key, name text, at timestamp not null default now());
        insert into parents (id, name) select i, 'n' || i from generate_series(1, 300) i; insert into children (id) values (1)");
    let database = Database::new();
    let test = project(&server, &database, "mode = \"incremental\"\ncursor = \"at\"\n");
    test.run(&["run", "there.*"]).code(0).says("300 rows");
    server.run("update parents set name = 'changed', at = now() where id <= 5; delete from parents where id > 290; insert into parents values (1000, 'new')");
    test.run(&["run", "there.*"]).code(0).says("6 rows").says("counted");
    let of = "select concat(count(*), ' ', sum(id), ' ', sum(name = 'changed')) from DB.parents";
    let same =
        server.value("select concat(count(*), ' ', sum(id), ' ', sum((name = 'changed')::int)) from FROM.parents");
    assert_eq!(database.value(of), same);
}

#[test]
fn tables_go_from_mysql_to_mysql() {
    let (from, to) = (Database::new(), Database::new());
    from.run("create table t (id bigint unsigned primary key, word varchar(20) character set utf8mb4, flag tinyint(1), y year, \
              e enum('a', 'B'), d decimal(20,6), at datetime(6), raw varbinary(8), key by_word (word))");
    from.run("insert into t values (18446744073709551615, 'Ω ', 1, 2026, 'B', 12345678901234.567890, '2026-01-01 00:00:00.000001', x'00ff'), \
              (1, null, 0, null, null, -0.000001, null, null)");
    let text = format!(
        "default_sink = \"to\"\n[connections.from]\n{}[connections.to]\n{}[sources.from]\nconnection = \"from\"\n[sinks.to]\nconnection = \"to\"\n\
         [replications.r]\nfrom = \"from\"\nto = \"to\"\ntables = [\"*\"]\n",
        from.keys(),
        to.keys()
    );
    let test = Test::new().file("project/sources.toml", &text);
    test.run(&["run"]).code(0).says("Replicated r.t").says("2 rows").says("verified");
    let all = "select group_concat(concat_ws('|', id, word, flag, y, e, d, at, hex(raw)) order by id separator ';') from DB.t";
    assert_eq!(to.value(all), from.value(all));
    test.run(&["run"]).code(0).says("Reused r.t");
    from.run("delete from t where id = 1");
    test.run(&["run"]).code(0).says("1 row");
    assert_eq!(to.value(all), from.value(all));
}
