//! The commands that need no data.

use crate::builder::Test;

fn pair() -> Test {
    Test::small()
        .file("project/models/a.sql", "{{ config(tags = [\"x\"]) }}select 1 as n")
        .file("project/models/b.sql", "select n from {{ ref(\"a\") }}")
}

#[test]
fn check_says_that_all_is_well() {
    pair().run(&["check"]).code(0).stdout("").stderr("     Checked 2 models [T]\n");
    pair().run(&["check", "-q"]).code(0).stdout("").stderr("");
}

#[test]
fn check_draws_a_mistake_at_its_place() {
    let test = pair().file("project/models/b.sql", "select n\nfrom {{ ref(\"aa\") }}");
    test.run(&["check"]).code(1).stdout("").stderr(
        "\
error[E0420]: there is no model `aa`
 --> project/models/b.sql:2:9
  |
2 | from {{ ref(\"aa\") }}
  |         ^^^^^^^^^
  |
help: a model with a similar name exists
  |
2 - from {{ ref(\"aa\") }}
2 + from {{ ref(\"a\") }}
  |

error: 1 error in 3 files ([T])  more: `engine explain E0420`
",
    );
}

#[test]
fn check_speaks_json_and_github() {
    let test = pair().file("project/models/b.sql", "select n\nfrom {{ ref(\"aa\") }}");
    let json = test.run(&["check", "--output", "json"]).code(1).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["code"], "E0420");
    assert_eq!(value["file"], "project/models/b.sql");
    assert_eq!((&value["line"], &value["column"]), (&2.into(), &9.into()));
    assert_eq!(value["end"]["column"], 18);
    test.run(&["check", "--output", "github"]).code(1).stdout(
        "::error file=project/models/b.sql,line=2,endLine=2,col=9,endColumn=18,title=E0420::there is no model `aa`\n",
    );
}

#[test]
fn ls_lists_what_is_selected() {
    pair().run(&["ls"]).code(0).stdout("model       a\nmodel       b\n");
    pair().run(&["ls", "a+", "--exclude", "a"]).code(0).stdout("model       b\n");
    pair().run(&["ls", "-s", "tag:x"]).code(0).stdout("model       a\n");
    pair().run(&["ls", "c"]).code(2).stdout("").says("no node is called `c`");
    let json = pair().run(&["ls", "b", "--output", "json"]).code(0).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["depends_on"][0], "model.a");
}

#[test]
fn graph_draws_in_five_ways() {
    pair().run(&["graph"]).code(0).stdout("model       a\nmodel       b  <- a\n");
    pair()
        .run(&["graph", "--output", "mermaid"])
        .code(0)
        .stdout("flowchart LR\n  n0[\"a\"]\n  n1[\"b\"]\n  n0 --> n1\n");
    pair().run(&["graph", "--output", "dot"]).code(0).prints("\"model.a\" -> \"model.b\";");
    pair().run(&["graph", "--output", "svg"]).code(0).prints("aria-label=\"graph of 2 nodes\"").prints("marker-end");
    pair().run(&["graph", "--output", "json"]).code(0).prints("\"unique_id\": \"model.b\"");
}

#[test]
fn init_writes_a_project_and_overwrites_nothing() {
    let test = Test::new();
    test.run(&["init", "shop"]).code(0).stdout("").says("cd shop && engine run");
    assert!(test.read("shop/project/sources.toml").contains("[connections.shop.embedded]"));
    assert!(test.read("shop/.gitignore").contains(".engine/"));
    assert!(test.path("shop/.env.example").is_file());
    test.run(&["check", "-C", "shop"]).code(0);
    test.run(&["init", "shop"]).code(2).says("is not empty");
    test.write("file", "");
    test.run(&["init", "file"]).code(2).says("is a file");
}

#[test]
fn explain_finds_codes_however_they_are_typed() {
    let test = Test::new();
    let page = test.run(&["explain", "E0202"]).code(0).stdout;
    assert!(page.starts_with("E0202 "), "{page}");
    for typed in ["e0202", "202", "e202"] {
        test.run(&["explain", typed]).code(0).stdout(&page);
    }
    test.run(&["explain", "E9999"]).code(2).says("there is no code `E9999`");
    test.run(&["explain"]).code(0).prints("E0202  ");
}

#[test]
fn clean_asks_before_it_removes_data() {
    let test = pair().file(".engine/artifacts/x", "").file(".engine/data/y", "").file(".engine/compiled/z", "");
    test.run(&["clean"]).code(0).says("Removed");
    assert!(!test.path(".engine/artifacts").exists() && test.path(".engine/data/y").exists());
    test.run(&["clean", "--data"]).code(2).says("--yes");
    assert!(test.path(".engine/data/y").exists());
    test.run(&["clean", "--data", "--yes"]).code(0);
    assert!(!test.path(".engine").exists());
    test.run(&["clean"]).code(0).says("nothing to remove");
}

#[test]
fn completions_are_there_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Test::new().run(&["completions", shell]).code(0).stdout;
        assert!(script.contains("full-refresh"), "{shell}");
    }
}

#[test]
fn a_project_that_cannot_be_read_is_said_at_its_file() {
    let test = pair();
    std::fs::write(test.path("project/models/c.sql"), [b's', 0xff]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", test.path("project/models/d.sql")).unwrap();
    let done = test.run(&["check"]).code(1).says("c.sql").says("not UTF-8").says("d.sql").says("leads outside");
    assert!(!done.stderr.contains("root:"), "{}", done.stderr);
}

#[test]
fn an_empty_project_is_said_to_have_nothing() {
    let test = Test::new().file("project/sources.toml", "");
    test.run(&["ls"]).code(2).says("nothing to select");
}

#[test]
fn doctor_tries_every_connection() {
    pair().run(&["doctor"]).code(0).stdout("").says("Reached out");
    let json = pair().run(&["doctor", "--output", "json"]).code(0).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&value["connection"], &value["ok"]), (&"out".into(), &true.into()));
    let broken = pair().file(".engine", "a file in place of the folder");
    broken.run(&["doctor"]).code(1).says("Failed out");
}

#[test]
fn check_complains_of_a_connector_that_is_not_there() {
    let test = Test::new().file("project/sources.toml", "[connections.x]\ntype = \"sqlit\"\npath = \"x\"\n");
    test.run(&["check"]).code(1).says("error[E0500]").says("--> project/sources.toml:2:8").says("`sqlite`");
}

#[test]
fn check_finds_a_column_behind_config_and_jinja() {
    let model = "{{ config(\n    description = \"x\",\n) }}\n\nselect\n    n,\n    nn\nfrom {{ ref(\"a\") }}";
    let test = pair().file("project/models/b.sql", model);
    test.run(&["check"]).code(1).says("--> project/models/b.sql:7:5").says("    nn\n  |     ^^");
}
