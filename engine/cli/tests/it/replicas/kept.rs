//! What belongs to a copy and is nobody's but the target's: it is there after every copy.

use super::Server;
use std::{path::PathBuf, process::Command};

const SOURCE: &str = "create table parents (id int primary key);
    create table t (id int primary key, parent int references parents, word text default 'x', n int);
    insert into parents values (1), (2); insert into t select i, i % 2 + 1, 'w' || i, i from generate_series(1, 100) i";

/// What is done to the copy. `ROLE` is a role.
const PROPERTIES: &[&str] = &[
    "alter table TO.t enable row level security, force row level security",
    "revoke all on TO.t from public; grant select on TO.t to ROLE with grant option; revoke truncate on TO.t from current_user",
    "grant select (id), update (word) on TO.t to ROLE",
    "alter table TO.t set (fillfactor = 80, autovacuum_enabled = false); alter table TO.t alter n set (n_distinct = 5)",
    "alter table TO.t alter n set statistics 300, alter word set storage external",
    "alter table TO.t add constraint mine check (n > 0); comment on constraint mine on TO.t is 'my own'",
    "alter table TO.t add constraint words unique (word, n); alter table TO.t add constraint apart exclude using btree (n with =)",
    "create table if not exists TO.others (id int primary key); insert into TO.others select generate_series(1, 100);
     alter table TO.t add constraint other foreign key (n) references TO.others on delete cascade deferrable not valid",
    "create index half on TO.t (n) where n > 50; create index hashed on TO.t using hash (word); comment on index TO.half is 'half'",
    "alter table TO.t replica identity full; comment on table TO.t is 'a copy'; comment on column TO.t.n is 'a number'",
];

/// What cannot be given to another table, so that the copy keeps its place.
const HOLDERS: &[&str] = &[
    "create rule quiet as on update to TO.t where old.n < 0 do instead nothing",
    "create function TO.nothing() returns trigger language plpgsql as $$ begin return new; end $$;
     create trigger nothing before insert on TO.t for each row execute function TO.nothing()",
    "create policy own on TO.t using (true)",
    "create statistics TO.both on id, n from TO.t",
    "create publication PUBLISHED for table TO.t",
    "alter table TO.t replica identity using index t_pkey",
    "create function TO.of(TO.t) returns int language sql as 'select 1'",
];

/// What `pg_dump` says of the target's schema.
fn dump(server: &Server) -> String {
    let folder = std::env::var("PG_BIN").map(PathBuf::from).ok().or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.flatten().map(|entry| entry.path().join("bin")).filter(|bin| bin.join("pg_dump").exists()).max()
    });
    let program = folder.map_or_else(|| PathBuf::from("pg_dump"), |folder| folder.join("pg_dump"));
    let args = ["--schema-only", "--exclude-table=*.engine_*", "--schema", &server.to, "--dbname", &super::url()];
    let done = Command::new(program).args(args).output().expect("pg_dump is beside the server");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    // Newer ones write a word of their own in each dump.
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What two dumps say of the same things and say differently. The order of their parts depends on the numbers of what they are
/// about.
fn difference(before: &str, after: &str) -> Vec<String> {
    let parts = |text: &str| text.split("\n--\n-- Name: ").map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (parts(before), parts(after));
    let lost = before.iter().filter(|part| !after.contains(part)).map(|part| format!("lost: {part}"));
    let new = after.iter().filter(|part| !before.contains(part)).map(|part| format!("new: {part}"));
    lost.chain(new).collect()
}

fn named(server: &Server, sql: &str) -> String {
    server.named(sql).replace("ROLE", &role(server)).replace("PUBLISHED", &format!("{}_p", server.to))
}

fn role(server: &Server) -> String {
    format!("{}_r", server.to)
}

#[test]
fn a_copy_keeps_all_that_was_added_to_it() {
    let server = Server::with(SOURCE);
    server.run(&named(&server, "create role ROLE"));
    // What is new gets a right that the copy's owner took back.
    server.run(
        &named(&server, "create schema TO; alter default privileges in schema TO grant insert on tables to ROLE")
            .replace("TO;", &format!("{};", server.to))
            .replace("schema TO ", &format!("schema {} ", server.to)),
    );
    let test = server.project("tables = [\"t\", \"parents\"]");
    test.run(&["run"]).code(0);
    server.run(&named(&server, "revoke insert on TO.t from ROLE"));
    for sql in PROPERTIES {
        server.run(&named(&server, sql));
    }
    let number = "select 'TO.t'::regclass::oid";
    let (before, was) = (dump(&server), server.value(number));
    server.run("insert into t values (101, 1, 'new', 101)");
    server.run(&named(&server, "insert into TO.others values (101)"));
    test.run(&["run"]).code(0).says("101 rows").says("verified");
    assert_ne!(server.value(number), was, "another table took its place");
    assert_eq!(difference(&before, &dump(&server)), [""; 0]);
    server.run(&named(&server, "drop owned by ROLE cascade; drop role ROLE"));
}

#[test]
fn a_copy_that_something_holds_keeps_its_place() {
    for sql in HOLDERS {
        let server = Server::with(SOURCE);
        let test = server.project("tables = [\"t\", \"parents\"]");
        test.run(&["run"]).code(0);
        server.run(&named(&server, sql));
        let before = dump(&server);
        server.run("insert into t values (101, 1, 'new', 101)");
        test.run(&["run"]).code(0).says("101 rows").says("verified");
        assert_eq!(difference(&before, &dump(&server)), [""; 0], "{sql}");
        assert!(server.same("t"), "{sql}");
        server.run(&named(&server, "drop publication if exists PUBLISHED"));
    }
}

#[test]
fn rows_that_the_target_changes_are_not_verified() {
    let server = Server::with(SOURCE);
    let test = server.project("tables = [\"t\", \"parents\"]");
    test.run(&["run"]).code(0);
    server.run(&named(
        &server,
        "create function TO.louder() returns trigger language plpgsql as $$ begin new.word = upper(new.word); return new; end $$;
         create trigger louder before insert on TO.t for each row execute function TO.louder()",
    ));
    server.run("insert into t values (101, 1, 'new', 101)");
    test.run(&["run"])
        .code(1)
        .says("`t` would not hold what was read")
        .says("trigger louder")
        .says("verify = \"count\"");
    assert_eq!(server.value("select count(*) from TO.t"), "100", "the copy is as it was");
    let sources = test.read("project/sources.toml") + "verify = \"count\"\n";
    test.write("project/sources.toml", &sources);
    test.run(&["run"]).code(0).says("101 rows");
    assert_eq!(server.value("select word from TO.t where id = 101"), "NEW");
}

#[test]
fn rows_that_row_security_hides_are_told() {
    let server = Server::with(SOURCE);
    let url = super::url();
    server.run(&named(
        &server,
        "create role ROLE login password 'secret'; grant usage on schema FROM_ to ROLE; grant select on FROM.t to ROLE;
         alter table t enable row level security; create policy visible on t to ROLE using (id <= 50)",
    ).replace("FROM_", &server.from));
    let test = server.project("tables = [\"t\"]\nallow = [\"W0515\"]");
    let (_, place) = url.split_once('@').unwrap();
    let reader = format!("url = \"postgres://{}:secret@{place}\"", role(&server));
    let sources = test.read("project/sources.toml").replacen(&format!("url = \"{url}\""), &reader, 1);
    test.write("project/sources.toml", &sources);
    let refused = test.run(&["run"]).code(1).says("row-level security policy for table `t`");
    refused.says("BYPASSRLS").says("row_security = \"filter\"");
    assert_eq!(server.value("select to_regclass('TO.t')"), "NULL");
    test.write("project/sources.toml", &sources.replacen(&reader, &format!("{reader}\nrow_security = \"filter\""), 1));
    test.run(&["run"]).code(0).says("50 rows");
    server.run(&named(&server, "drop policy visible on t; drop owned by ROLE; drop role ROLE"));
}
