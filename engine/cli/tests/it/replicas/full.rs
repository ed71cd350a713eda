//! All tables of a source at one instant, with all that they are.

use super::Server;

const SHOP: &str = "
    create type mood as enum ('Happy', 'sad');
    create table parents (id int primary key, name text not null unique, m mood default 'sad', amount numeric, doc jsonb,
        constraint positive check (id > 0));
    create index by_mood on parents (m);
    create table children (id bigint primary key, parent int references parents, at timestamp(3) default now(), tags text[]);
    insert into parents select i, 'n' || i, (array['Happy', 'sad'])[i % 2 + 1]::mood,
        case when i % 100 = 0 then 'NaN' else i / 3.0 end, jsonb_build_object('i', i) from generate_series(1, 500) i;
    insert into children (id, parent, tags) select i, i % 500 + 1, array['a', null] from generate_series(1, 2000) i;";

#[test]
fn tables_that_nobody_declared_are_copied_with_all_that_they_are() {
    let server = Server::with(SHOP);
    let test = server.project("tables = [\"*\"]\nverify = \"both\"");
    test.run(&["run"]).code(0).says("Replicated r.parents").says("500 rows").says("2,000 rows").says("verified");
    assert!(server.same("parents") && server.same("children"));
    let constraints =
        "select string_agg(conname || ' ' || replace(pg_get_constraintdef(oid), SCHEMA, ''), '; ' order by conname)
        from pg_constraint where connamespace = SCHEMA_::regnamespace and conname not like 'engine%'";
    let of = |schema: &str| {
        server.value(&constraints.replace("SCHEMA_", &format!("'{schema}'")).replace("SCHEMA", &format!("'{schema}.'")))
    };
    assert_eq!(of(&server.from), of(&server.to));
    assert_eq!(server.value("select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'TO.parents'::regclass and attname = 'doc'"), "jsonb");
    assert_eq!(
        server.value("select count(*) from pg_indexes where schemaname || '.' = 'TO.' and indexname = 'by_mood'"),
        "1"
    );
    // Order follows the labels, not the alphabet.
    assert_eq!(
        server.value("select string_agg(distinct m::text, ' ' order by m::text) from TO.parents where m < 'sad'"),
        "Happy"
    );
    test.run(&["run"]).code(0).says("Reused r.parents").says("2 reused");
    let verdicts = test.run(&["logs", "--output", "json"]).code(0).stdout;
    assert!(verdicts.contains("succeeded"), "{verdicts}");
    let results = test.read(".engine/artifacts/run_results.json");
    assert!(results.contains("\"reused\""), "{results}");
}

#[test]
fn a_new_table_of_the_source_comes_with_the_next_run() {
    let server = Server::with("create table first (id int primary key); insert into first values (1)");
    let test = server.project("tables = [\"*\"]");
    test.run(&["run"]).code(0).says("1 succeeded");
    server.run("create table second (id int primary key); insert into second values (1), (2)");
    test.run(&["plan"]).code(0).prints("r.second              is new, or not as it was left");
    test.run(&["run"]).code(0).says("Replicated r.second");
    assert!(server.same("second"));
    server.run("create table third (x int)");
    let narrow = test.read("project/sources.toml").replace("[\"*\"]", "[\"f*\", \"s*\"]");
    test.write("project/sources.toml", &narrow);
    let done = test.run(&["run"]).code(0);
    assert!(!done.stderr.contains("r.third"), "{}", done.stderr);
}

#[test]
fn a_model_reads_a_copy_that_nobody_declared() {
    let server = Server::with(
        "create table orders (id int primary key, total numeric(10,2)); insert into orders values (1, 1.50), (2, 2.25)",
    );
    let test = server.project("tables = [\"*\"]");
    test.write("project/models/sums.sql", "select sum(total) as total, count(*) as orders from {{ ref('r.orders') }}");
    test.run(&["run"]).code(0).says("Succeeded sums");
    assert_eq!(server.value("select total || ' ' || orders from TO.sums"), "3.75 2");
    server.run("insert into orders values (3, 1)");
    test.run(&["run"]).code(0).says("Replicated r.orders").says("Succeeded sums");
    assert_eq!(server.value("select total || ' ' || orders from TO.sums"), "4.75 3");
}

#[test]
fn each_way_to_verify_leaves_its_verdict_in_the_record() {
    let server = Server::with("create table t (id int primary key, w text); insert into t values (1, 'a')");
    for (verify, word) in [("count", "count"), ("target", "target"), ("both", "both")] {
        let test = server.project(&format!("tables = [\"t\"]\nverify = \"{verify}\""));
        test.run(&["run"]).code(0);
        let results = test.read(".engine/artifacts/run_results.json");
        assert!(results.contains(&format!("\"compared\": \"{word}\"")), "{verify}\n{results}");
        let logs = test.run(&["logs"]).code(0).stdout;
        let run = logs.split_whitespace().next().unwrap();
        test.run(&["logs", run, "--output", "json"]).code(0).prints(&format!("{word} 1-"));
    }
}

#[test]
fn a_copy_that_differs_is_not_published() {
    let server = Server::with("create table t (id int primary key, w text); insert into t values (1, 'a'), (2, 'b')");
    let test = server.project("tables = [\"t\"]");
    test.run(&["run"]).code(0);
    // Something in the target changes rows as they are written.
    server.run(&server.named(
        "create function spoil() returns event_trigger language plpgsql as $$ declare r record; begin
         for r in select * from pg_event_trigger_ddl_commands() where object_identity like 'TO.engine_stage%' and object_type = 'table' loop
            execute format('create trigger spoil before insert on %s for each row execute function FROM.spoiled()', r.object_identity);
         end loop; end $$;
         create function spoiled() returns trigger language plpgsql as $$ begin new.w = 'x'; return new; end $$;
         insert into t values (3, 'c')",
    ));
    server.run(&format!(
        "create event trigger {0}_spoil on ddl_command_end when tag in ('CREATE TABLE') execute function spoil()",
        server.from
    ));
    let done = test.run(&["run"]).code(1).says("error[E0312]").says("the copy of `r.t` is not what was read");
    server.run(&format!("drop event trigger {}_spoil", server.from));
    done.says("nothing was published");
    assert_eq!(server.value("select string_agg(w, '' order by id) from TO.t"), "ab");
    assert_eq!(
        server
            .value("select count(*) from pg_tables where schemaname || '.' = 'TO.' and tablename like 'engine_stage%'"),
        "0"
    );
}

#[test]
fn what_became_null_is_said_and_recorded() {
    let server =
        Server::with("create table t (id int primary key, n numeric); insert into t values (1, 'NaN'), (2, 1)");
    let test = server.project("tables = [\"t\"]");
    let sqlite = "[connections.c]\ntype = \"sqlite\"\npath = \".engine/c.db\"\n";
    let sources = test.read("project/sources.toml").replace("to = \"b\"", "to = \"c\"") + sqlite;
    test.write("project/sources.toml", &sources);
    test.run(&["run"]).code(1).says("error[E0304]").says("column `n` of the row with id = 1: NaN cannot be carried");
    test.write(
        "project/sources.toml",
        &sources.replacen("type = \"postgres\"\n", "type = \"postgres\"\ntypes = { nan = \"null\" }\n", 1),
    );
    test.run(&["run"]).code(0).says("Warning r.t").says("1 value of `n` became NULL (`nan`)");
    let results = test.read(".engine/artifacts/run_results.json");
    assert!(results.contains("\"why\": \"nan\""), "{results}");
}

#[test]
fn what_would_be_lost_is_said_before_the_run() {
    let server = Server::with(
        "create table others (id int primary key);
         create table t (id int primary key generated always as identity, other int references others, w text);
         create index by_lower on t (lower(w))",
    );
    let test = server.project("tables = [\"t\"]");
    let done = test.run(&["check", "--online"]).code(0);
    let done = done.says("warning[W0515]: `a.t`: its (other) refers to `others`, which is not copied");
    let done = done.says("warning[W0518]: `a.t`: the index `by_lower` is not carried over");
    done.says("allow = [\"W0515\"]");
    test.run(&["plan"]).code(0).says("warning[W0515]");
    let sources = test.read("project/sources.toml") + "allow = [\"W0515\", \"w0518\"]\n";
    test.write("project/sources.toml", &sources);
    let done = test.run(&["check", "--online"]).code(0);
    assert!(!done.stderr.contains("W05"), "{}", done.stderr);
    test.write("project/sources.toml", &sources.replace("W0515", "W0599"));
    test.run(&["check"]).code(1).says("error[E0005]: `W0599` is no loss");
}
