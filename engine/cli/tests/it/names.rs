//! Names with dots, spaces and quotes, in every kind of node.

use crate::builder::Test;

/// What a name may hold that separates or quotes somewhere.
const HOSTILE: &str = "a.b \"c' 名";

/// The name as a string of TOML.
fn toml(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\\\""))
}

/// The name as a string of a template.
fn jinja(name: &str) -> String {
    format!("'{}'", name.replace('\'', "\\'"))
}

/// `first.second` as it is written and shown: the first part has dots and quotes, and so stands in quotes.
fn pair(first: &str, second: &str) -> String {
    format!("\"{}\".{second}", first.replace('"', "\"\""))
}

/// Two databases; the tables of `from` are what a source reads.
fn project(rest: &str) -> Test {
    let text = format!(
        "default_sink = \"out\"\n[connections.from]\ntype = \"sqlite\"\npath = \"from.db\"\n\
         [connections.out]\ntype = \"sqlite\"\npath = \"out.db\"\n[sinks.out]\nconnection = \"out\"\n{rest}"
    );
    let test = Test::new().file("project/sources.toml", &text);
    let db = rusqlite::Connection::open(test.path("from.db")).unwrap();
    let table = HOSTILE.replace('"', "\"\"");
    db.execute_batch(&format!(
        "create table \"{table}\" (id integer primary key); insert into \"{table}\" values (1), (2)"
    ))
    .unwrap();
    test
}

/// A source with one table.
fn source() -> String {
    format!("[sources.{0}]\nconnection = \"from\"\n[sources.{0}.tables.{0}]\nkey = [\"id\"]\n", toml(HOSTILE))
        + "columns = { id = \"bigint\" }\n"
}

/// Runs twice, and sees the node made, then reused, and found by every command that takes a name.
fn is_a_node(test: &Test, kind: &str, name: &str, done: &str) {
    test.run(&["check"]).code(0);
    test.run(&["plan"]).code(0).prints(&format!("+ {name}"));
    test.run(&["run"]).code(0).says(&format!("{done} {name}"));
    if kind != "generator" {
        test.run(&["run"]).code(0).says(&format!("Reused {name}"));
        test.run(&["plan"]).code(0).prints("unchanged, reused");
    }
    is_selected(test, kind, name);
    test.run(&["logs", "--node", name]).code(0).prints(&format!("{kind}.{name}"));
}

/// The node is what its name selects, in every way to write that.
fn is_selected(test: &Test, kind: &str, name: &str) {
    let line = format!("{kind:<12}{name}\n");
    for typed in [name.to_owned(), format!("{kind}:{name}")] {
        test.run(&["ls", &typed]).code(0).stdout(&line);
        test.run(&["ls", &format!("1+{typed}")]).code(0).prints(&line);
        test.run(&["ls", &format!("{typed}+")]).code(0).prints(&line);
    }
    test.run(&["graph", name]).code(0).prints(name);
    test.run(&["graph", name, "--output", "dot"]).code(0).prints("label");
    test.run(&["graph", name, "--output", "mermaid"]).code(0).prints("n0[");
    test.run(&["graph", name, "--output", "svg"]).code(0).prints("<svg");
    let json = test.run(&["ls", name, "--output", "json"]).code(0).stdout;
    let found: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let found = if found.is_array() { found[0].clone() } else { found };
    assert_eq!((found["resource_type"].as_str(), found["name"].as_str()), (Some(kind), Some(name)), "{json}");
}

fn shows(test: &Test, name: &str) {
    test.run(&["show", name, "--output", "csv"]).code(0).prints("1\n").prints("2\n");
}

#[test]
fn a_source_may_be_called_anything() {
    let test = project(&source());
    let read = format!("select id from {{{{ source({0}, {0}) }}}}", jinja(HOSTILE));
    test.write("project/models/m.sql", &read);
    let name = pair(HOSTILE, HOSTILE);
    test.run(&["check"]).code(0);
    test.run(&["run"]).code(0).says("2 rows");
    test.run(&["run"]).code(0).says("Reused m");
    is_selected(&test, "source", &name);
    shows(&test, &name);
    // All tables of the source, and the name as it would be written without quotes.
    let line = format!("{:<12}{name}\n", "source");
    test.run(&["ls", &format!("source:{HOSTILE}")]).code(0).stdout(&line);
    test.run(&["ls", &format!("source:{HOSTILE}.{HOSTILE}")]).code(0).stdout(&line);
}

#[test]
fn a_source_with_spaces_needs_no_quotes() {
    let test = project(
        "[sources.\"my src\"]\nconnection = \"from\"\n[sources.\"my src\".tables.'or\"ders']\n\
         identifier = \"a.b \\\"c' 名\"\ncolumns = { id = \"bigint\" }\n",
    );
    test.write("project/models/m.sql", "select id from {{ source('my src', 'or\"ders') }}");
    test.run(&["run"]).code(0).says("2 rows");
    test.run(&["ls", "source:my src.or\"ders+"]).code(0).stdout("source      my src.or\"ders\nmodel       m\n");
    shows(&test, "my src.or\"ders");
}

#[test]
fn a_replication_may_be_called_anything() {
    let replication = format!("[replications.{0}]\nfrom = {0}\nto = \"out\"\ntables = [\"*\"]\n", toml(HOSTILE));
    // A source and a replication of one name would mean the same in SQL.
    let source = source().replace(&format!("[sources.{}", toml(HOSTILE)), &format!("[sources.{}", toml("s.r c")));
    let test = project(&(source + &replication.replace(&format!("from = {}", toml(HOSTILE)), "from = \"s.r c\"")));
    let name = pair(HOSTILE, HOSTILE);
    // In quotes, in two parts, and as it stands.
    test.write("project/models/m.sql", &format!("select id from {{{{ ref({}) }}}}", jinja(&name)));
    test.write("project/models/n.sql", &format!("select id from {{{{ ref({0}, {0}) }}}}", jinja(HOSTILE)));
    test.write(
        "project/models/o.sql",
        &format!("select id from {{{{ ref({}) }}}}", jinja(&format!("{HOSTILE}.{HOSTILE}"))),
    );
    is_a_node(&test, "replication", &name, "Replicated");
    shows(&test, &name);
    test.run(&["ls", &format!("replication:{HOSTILE}")]).code(0).stdout(&format!("{:<12}{name}\n", "replication"));
}

#[test]
fn a_model_may_be_called_anything() {
    let test = project("");
    test.write(&format!("project/models/{HOSTILE}.sql"), "select 1 as id union all select 2");
    test.write("project/models/m.sql", &format!("select id from {{{{ ref({}) }}}}", jinja(HOSTILE)));
    is_a_node(&test, "model", HOSTILE, "Succeeded");
    shows(&test, HOSTILE);
    test.run(&["show", HOSTILE, "--compiled"]).code(0).prints("select 1");
}

#[test]
fn a_seed_may_be_called_anything() {
    let test = project("");
    test.write(&format!("project/seeds/{HOSTILE}.csv"), "id\n1\n2\n");
    test.write("project/models/m.sql", &format!("select id from {{{{ ref({}) }}}}", jinja(HOSTILE)));
    is_a_node(&test, "seed", HOSTILE, "Seeded");
    shows(&test, HOSTILE);
}

#[test]
fn a_generator_may_be_called_anything() {
    let test = project("[sources.\"s.t\"]\nconnection = \"out\"\n");
    test.write(
        "project/generators.toml",
        &format!(
            "[{0}]\ninto = {1}\nrows = 2\ncolumns = {{ id = {{ type = \"int\", sequence = 1, key = true }} }}\n\
             [other]\ninto = \"s.t.other\"\nrows = 2\ncolumns = {{ id = {{ references = {2} }} }}\n",
            toml(HOSTILE),
            toml(&pair("s.t", HOSTILE)),
            toml(&pair(HOSTILE, "id")),
        ),
    );
    test.write("project/models/m.sql", &format!("select id from {{{{ source('s.t', {}) }}}}", jinja(HOSTILE)));
    is_a_node(&test, "generator", HOSTILE, "Generated");
    shows(&test, "m");
    shows(&test, &pair("s.t", HOSTILE));
    test.run(&["generate", HOSTILE]).code(0);
}

#[test]
fn a_test_and_a_check_may_be_called_anything() {
    let test = project("");
    test.write("project/models/one.sql", "select 1 as id");
    test.write(&format!("project/tests/{HOSTILE}.sql"), "select id from {{ ref('one') }} where id > 1");
    is_a_node(&test, "test", HOSTILE, "Tested");
    let related = format!(
        "{{{{ config(checks = [relationships(\"id\", to = {0}, field = \"id\")]) }}}}\nselect 1 as id",
        jinja(&format!("{HOSTILE}s"))
    );
    test.write(&format!("project/models/{HOSTILE}s.sql"), "select 1 as id");
    test.write("project/models/related.sql", &related);
    test.run(&["run"]).code(0).says("1 check passed");
    test.write(&format!("project/models/{HOSTILE}s.sql"), "select 2 as id");
    test.run(&["run"]).code(1);
}

#[test]
fn a_check_may_relate_to_a_copy_and_a_source_of_any_name() {
    let replication = format!("[replications.\"r.s\"]\nfrom = {}\nto = \"out\"\ntables = [\"*\"]\n", toml(HOSTILE));
    let test = project(&(source() + &replication));
    for (model, to) in [("x", pair("r.s", HOSTILE)), ("y", pair(HOSTILE, HOSTILE)), ("z", format!("r.s.{HOSTILE}"))] {
        let text = format!(
            "{{{{ config(checks = [relationships('id', to = {}, field = 'id')]) }}}}\nselect 1 as id",
            jinja(&to)
        );
        test.write(&format!("project/models/{model}.sql"), &text);
    }
    let run = test.run(&["run"]).code(0).stderr;
    assert_eq!(run.matches("1 check passed").count(), 3, "{run}");
}

#[test]
fn a_schedule_may_be_called_anything_and_select_anything() {
    let test = project("");
    test.write(&format!("project/models/{HOSTILE}.sql"), "select 1 as id");
    test.write("project/schedules.toml", &format!("[{0}]\nevery = \"10m\"\nselect = [{0}]\n", toml(HOSTILE)));
    test.run(&["check"]).code(0);
    test.run(&["schedules"]).code(0).prints(HOSTILE);
}

#[test]
fn a_unit_test_gives_rows_of_anything() {
    let test = project(&source());
    test.write("project/models/m.sql", &format!("select id + 1 as n from {{{{ source({0}, {0}) }}}}", jinja(HOSTILE)));
    let given =
        |name: &str| format!("[t]\nmodel = \"m\"\ngiven = {{ {name} = [{{ id = 1 }}] }}\nexpect = [{{ n = 2 }}]\n");
    test.write("project/tests/t.toml", &given(&toml(&pair(HOSTILE, HOSTILE))));
    test.run(&["test"]).code(0);
    test.write("project/tests/t.toml", &given(&format!("{0}.{0}", toml(HOSTILE))));
    test.run(&["test"]).code(0);
}
