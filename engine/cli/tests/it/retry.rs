//! `engine retry`: what the newest run did not bring to its end.

use crate::{builder::Test, runs::chain};
use rusqlite::Connection;

const DIVIDES: &str = "select 1 / ({{ var(\"v\") }} - 7) as n from {{ ref(\"s\") }} limit 1";

/// `s` → `a` → `b`, and `c` beside them; `a` fails while `v` is 7.
fn project() -> Test {
    chain().file("project/models/a.sql", DIVIDES).file("project/models/c.sql", "select 1 as x")
}

#[test]
fn what_failed_and_what_was_skipped_is_run_again_as_it_was_asked() {
    let test = project();
    let failed = test.run(&["run", "--var", "v=7"]).code(1);
    let failed = failed.says("fix the model, then `engine retry` (2 nodes) · `engine logs 01");
    assert!(failed.stderr.contains("2 succeeded, 1 failed, 1 skipped"), "{}", failed.stderr);
    let still = test.run(&["retry"]).code(1).says("Retrying 2 nodes of run 01").says("Failed a");
    assert!(!still.stderr.contains(" c ") && !still.stderr.contains("Seeded"), "{}", still.stderr);
    test.write("project/models/a.sql", &DIVIDES.replace("- 7", "- 6"));
    let done = test.run(&["retry"]).code(0).stdout("").says("2 succeeded");
    assert!(done.stderr.contains("Succeeded a") && done.stderr.contains("Succeeded b"), "{}", done.stderr);
    test.run(&["show", "b", "--output", "csv", "--var", "v=0"]).code(0).stdout("m\n2\n");
    test.run(&["retry"]).code(0).says("left nothing to retry");
}

#[test]
fn a_retry_keeps_to_what_was_selected() {
    let test = project();
    test.run(&["run", "s", "a", "--var", "v=7"]).code(1).says("`engine retry` (1 node)");
    test.write("project/models/a.sql", &DIVIDES.replace("- 7", "- 6"));
    let json = test.run(&["retry", "--output", "json"]).code(0).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["results"].as_array().unwrap().len(), 1);
    assert_eq!(value["results"][0]["unique_id"], "model.a");
}

#[test]
fn what_a_killed_run_did_not_reach_is_retried() {
    let test = chain();
    let killed = test.command(&["run"]).env("ENGINE_CRASH_AT", "sqlite::staged").output().unwrap();
    assert_eq!(killed.status.code(), None);
    test.run(&["retry"]).code(0).says("Retrying 3 nodes").says("3 succeeded");
}

#[test]
fn the_target_and_the_rows_are_those_of_the_run() {
    let test = Test::shop();
    let broken = "select 1 / (count(*) - 7) as x from {{ source(\"shop\", \"product_categories\") }}";
    test.write("project/models/broken.sql", broken);
    test.run(&["run", "product_categories", "+broken", "--rows-scale", "0.35", "-t", "embedded"]).code(1);
    test.run(&["retry", "-t", "stack"]).code(2).says("for the target `embedded`, not `stack`");
    test.run(&["retry", "--var", "x=1"]).code(2).says("leave `--var` out");
    test.write("project/models/broken.sql", &broken.replace("- 7", ""));
    test.run(&["retry"]).code(0).says("1 succeeded");
    test.run(&["show", "broken", "--output", "csv"]).code(0).stdout("x\n0\n");
}

#[test]
fn without_anything_to_retry_it_says_what_to_type() {
    let test = project();
    test.run(&["retry"]).code(2).stdout("").says("there are no runs yet").says("`engine run`");
    assert!(!test.path(".engine").exists());
    test.run(&["run", "--var", "v=7"]).code(1);
    std::fs::remove_file(test.path("project/models/b.sql")).unwrap();
    test.write("project/models/a.sql", "select 1 as n");
    test.run(&["retry"]).code(0).says("Gone model.b is no longer in the project").says("1 succeeded");
    let state = Connection::open(test.path(".engine/state.db")).unwrap();
    state.execute_batch("update runs set asked = null").unwrap();
    test.run(&["retry"]).code(2).says("an older engine made it");
    state.execute_batch("pragma user_version = 99").unwrap();
    test.run(&["run"]).code(2).says("state.db").says("a newer engine wrote it");
}
