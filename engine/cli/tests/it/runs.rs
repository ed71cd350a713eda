//! Runs: what is built, reused, kept and said.

use crate::builder::Test;
use std::fs;

/// A seed and two models, one upon the other.
pub fn chain() -> Test {
    Test::small()
        .file("project/seeds/s.csv", "id,name\n1,a\n2,\n3,NULL\n")
        .file(
            "project/models/a.sql",
            "{{ config(checks = [not_null(\"n\")]) }}\nselect count(*) as n from {{ ref(\"s\") }}",
        )
        .file("project/models/b.sql", "select n + 1 as m from {{ ref(\"a\") }}")
}

#[test]
fn a_run_builds_then_reuses() {
    let test = chain();
    test.run(&["run"]).code(0).stdout("").stderr(
        "    Compiled 2 models, 1 table [T]
      Seeded s                          3 rows [T]
   Succeeded a                          1 row        1 check passed [T]
   Succeeded b                          1 row [T]
   Succeeded run [RUN]   3 succeeded [T]
",
    );
    let again = test.run(&["run"]).code(0).stderr;
    assert_eq!(again.matches("Reused").count(), 3, "{again}");
    test.run(&["run", "-q"]).code(0).stdout("").stderr("");
    test.run(&["run", "b", "--full-refresh"]).code(0).says("Succeeded b").says("1 succeeded");
    let json = test.run(&["run", "--output", "json"]).code(0).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["outcome"], "succeeded");
    assert_eq!(value["results"].as_array().unwrap().len(), 3);
}

#[test]
fn a_comment_changes_nothing_and_an_edit_only_what_it_touches() {
    let test = chain();
    test.run(&["run"]).code(0);
    test.write("project/models/a.sql", "-- words\nselect count(*) as n from {{ ref(\"s\") }} -- more\n");
    let edited = test.run(&["run"]).code(0).stderr;
    assert!(edited.contains("Reused b"), "{edited}");
    test.write("project/models/b.sql", "select n + 2 as m from {{ ref(\"a\") }}");
    test.run(&["plan"]).code(0).prints("~ b").prints("project/models/b.sql").prints("2 unchanged, reused");
    let edited = test.run(&["run"]).code(0).stderr;
    assert!(edited.contains("Reused a") && edited.contains("Succeeded b"), "{edited}");
    test.run(&["show", "b", "--output", "csv"]).code(0).stdout("m\n5\n");
}

#[test]
fn a_failure_is_said_twice_keeps_the_table_and_skips_what_follows() {
    let test = chain();
    test.run(&["run"]).code(0);
    test.write("project/models/a.sql", "select 1 / (count(*) - 3) as n from {{ ref(\"s\") }}");
    let failed = test.run(&["run"]).code(1).says("Failed a").says("Skipped b").says("upstream a failed");
    let failed = failed.says("error[E0303]").says("--> project/models/a.sql:1:").says("guard the divisor");
    assert!(failed.stderr.contains("1 reused, 1 failed, 1 skipped"), "{}", failed.stderr);
    test.run(&["show", "a", "--output", "csv"]).code(0).stdout("n\n3\n");
}

#[test]
fn a_broken_check_keeps_the_table_and_a_warning_does_not() {
    let test = chain();
    test.run(&["run"]).code(0);
    let model = |severity: &str| {
        format!(
            "{{{{ config(checks = [expression(\"n > 3\", severity = \"{severity}\")]) }}}}\n\
             select count(*) - 1 as n from {{{{ ref(\"s\") }}}}"
        )
    };
    test.write("project/models/a.sql", &model("error"));
    test.run(&["run", "a"]).code(1).says("Failed a").says("error[E0");
    test.run(&["show", "a", "--output", "csv"]).code(0).stdout("n\n3\n");
    test.write("project/models/a.sql", &model("warn"));
    test.run(&["run", "a"]).code(0).says("Warning a").says("n > 3");
    test.run(&["show", "a", "--output", "csv"]).code(0).stdout("n\n2\n");
}

#[test]
fn a_project_with_errors_is_not_run() {
    let test = chain().file("project/models/c.sql", "select * from {{ ref(\"nope\") }}");
    test.run(&["run"]).code(1).says("error[E0420]");
    assert!(!test.path(".engine").exists());
    test.run(&["run", "--dry-run"]).code(1);
}

#[test]
fn a_dry_run_changes_nothing() {
    let test = chain();
    test.run(&["run", "--dry-run"]).code(0).prints("Would run 3 of 3 nodes").prints("Nothing was changed");
    assert!(!test.path(".engine").exists());
    let json = test.run(&["plan", "--output", "json"]).code(0).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["steps"][0]["nodes"][0], "seed.s");
}

#[test]
fn artifacts_are_left_for_programs() {
    let test = chain();
    test.run(&["run"]).code(0);
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&test.read(&format!(".engine/artifacts/{name}"))).unwrap()
    };
    assert_eq!(json("manifest.json")["parent_map"]["model.b"][0], "model.a");
    assert_eq!(json("run_results.json")["results"][2]["unique_id"], "model.b");
    assert!(json("catalog.json")["metadata"]["invocation_id"].is_string());
    let events = test.read(".engine/artifacts/events.jsonl");
    let kinds: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
        .filter(|kind| kind != "step_progress")
        .collect();
    assert_eq!((kinds.first().unwrap().as_str(), kinds.last().unwrap().as_str()), ("run_started", "run_finished"));
    assert_eq!(kinds.iter().filter(|kind| *kind == "step_finished").count(), 3);
}

#[test]
fn logs_tell_of_earlier_runs() {
    let test = chain();
    test.run(&["logs"]).code(0).stdout("").says("no runs yet");
    test.run(&["run"]).code(0);
    test.write("project/models/b.sql", "select 1 / (n - 3) as m from {{ ref(\"a\") }}");
    test.run(&["run", "b"]).code(1);
    let runs = test.run(&["logs"]).code(0).stdout;
    assert_eq!(runs.lines().count(), 2, "{runs}");
    let last = runs.split_whitespace().next().unwrap();
    test.run(&["logs", last]).code(0).prints("model.b").prints("failed");
    test.run(&["logs", last, "--node", "b", "--output", "json"]).code(0).prints("\"model.b\"");
    test.run(&["logs", last, "--node", "a"]).code(2).says("has no node `a`");
    test.run(&["logs", "ZZZ"]).code(2).says("there is no run `ZZZ`");
}

#[test]
fn show_writes_rows_in_five_ways() {
    let test = chain();
    // A text that looks like what is shown of no value.
    let rows = "select id, case when id = 3 then 'NULL' else name end as name from {{ ref('s') }} order by id";
    test.run(&["run"]).code(0);
    test.run(&["show", "--sql", rows]).code(0).stderr("3 rows\n").stdout(
        "\
┌────┬────────┐
│ id │ name   │
╞════╪════════╡
│  1 │ a      │
│  2 │ NULL   │
│  3 │ 'NULL' │
└────┴────────┘
",
    );
    test.run(&["show", "--sql", rows, "--limit", "2"]).code(0).says("2 rows shown, there are more");
    test.run(&["show", "--sql", rows, "--output", "csv"]).code(0).stdout("id,name\n1,a\n2,\n3,NULL\n");
    let ndjson = "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n{\"id\":3,\"name\":\"NULL\"}\n";
    test.run(&["show", "--sql", rows, "--output", "ndjson"]).code(0).stdout(ndjson);
    let json = test.run(&["show", "--sql", rows, "--output", "json"]).code(0).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()[1]["name"], serde_json::Value::Null);
    let parquet = test.command(&["show", "--sql", rows, "--output", "parquet"]).output().unwrap().stdout;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let sql = "select sum(id) as x from {{ ref('s') }}";
    test.run(&["show", "--sql", sql, "--output", "csv"]).code(0).stdout("x\n6\n");
    test.run(&["show", "--sql", sql, "--compiled"]).code(0).stdout("select sum(id) as x from models.s\n");
    test.run(&["show", "--sql", "select nme from {{ ref('s') }}"]).code(1).says("--> <sql>:1:8");
    test.run(&["show", "--sql", "drop table x"]).code(1);
    test.run(&["show", "bb"]).code(2).says("a similar name is `b`");
    test.run(&["show"]).code(2);
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let test = chain().file(".engine", "a file where the folder should be");
    test.run(&["run"]).code(2).says(".engine");
    let test = chain();
    fs::create_dir_all(test.path(".engine/out.db")).unwrap();
    test.run(&["run"]).code(1).says("out.db").says("Skipped b");
}

#[test]
fn check_online_locks_what_the_systems_hold() {
    let test = chain().file(
        "project/sources.toml",
        "default_sink = \"out\"\n[connections.out]\ntype = \"sqlite\"\npath = \".engine/out.db\"\n\
         [sinks.out]\nconnection = \"out\"\n[sources.raw]\nconnection = \"out\"\n",
    );
    test.run(&["run"]).code(0);
    test.run(&["check", "--online"]).code(0).says("Drifted + raw.s").says("Locked project/schema.lock");
    assert!(test.read("project/schema.lock").contains("[\"raw.s\""), "{}", test.read("project/schema.lock"));
    let again = test.run(&["check", "--online"]).code(0).stderr;
    assert!(!again.contains("Drifted"), "{again}");
}

#[test]
fn no_secret_is_ever_seen() {
    let sentinel = "sEnTiNeL-4711";
    let test = chain()
        .env("HOOK", sentinel)
        .file(".env", &format!("OTHER={sentinel}\n"))
        .file("project/schedules.toml", "[s]\nevery = \"1h\"\non_failure = { webhook = \"${HOOK}\" }\n")
        .file("project/models/c.sql", "select nope from {{ ref(\"a\") }}");
    let commands: &[&[&str]] = &[
        &["run", "-vv"],
        &["check"],
        &["check", "--output", "json"],
        &["plan"],
        &["ls", "--output", "json"],
        &["doctor", "--output", "json"],
        &["logs", "--output", "json"],
        &["graph"],
    ];
    let mut all = String::new();
    for command in commands {
        let done = test.run(command);
        all += &(done.stdout + &done.stderr);
    }
    for wrong in [
        "[limits]\nsteps = \"${OTHER}\"\n",
        "[connections.x]\ntype = \"sqlite\"\npath = \"x\"\npasword = \"${OTHER}\"\n",
    ] {
        test.write("project/sources.toml", wrong);
        let done = test.run(&["check"]);
        all += &(done.stdout + &done.stderr);
    }
    assert!(!all.contains(sentinel), "{all}");
    let found =
        std::process::Command::new("grep").args(["-rlF", sentinel, ".engine"]).current_dir(test.path("")).output();
    assert_eq!(String::from_utf8(found.unwrap().stdout).unwrap(), "");
}

#[test]
fn the_shop_runs_from_nothing_and_then_reuses() {
    let test = Test::shop();
    test.run(&["check"]).code(0);
    test.run(&["run"])
        .code(0)
        .stdout("")
        .says("Generated orders")
        .says("verified")
        .says("Succeeded mart_average_check");
    let again = test.run(&["run"]).code(0).stderr;
    assert!(!again.contains("Generated ") && !again.contains("Replicated "), "{again}");
    let rows = test.run(&["show", "mart_average_check", "--output", "csv", "--limit", "0"]).code(0).stdout;
    assert!(rows.starts_with("status,loyalty_status,average_check\n"), "{rows}");
    assert_eq!(rows.lines().count(), 1 + 8 * 3);
}

#[test]
fn generate_fills_replaces_and_writes_files() {
    let test = Test::shop();
    test.run(&["generate", "product_categories"]).code(0).says("Generated product_categories").says("20 rows");
    test.run(&["generate", "product_categories"]).code(0).says("Reused product_categories");
    test.run(&["generate", "product_categories", "--replace", "--rows", "7"]).code(0).says("7 rows");
    test.run(&["generate", "users", "--to", "users.csv"]).code(0).says("users.csv   500 rows");
    assert_eq!(test.read("users.csv").lines().count(), 501);
    let twice = test.read("users.csv");
    test.run(&["generate", "users", "--to", "users.csv"]).code(0);
    let keys = |text: &str| text.lines().map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(keys(&test.read("users.csv")), keys(&twice), "the same seed, the same rows");
    test.run(&["generate", "users", "--to", "users.txt"]).code(2).says("end it in .csv");
    test.run(&["generate", "users", "orders", "--to", "x.csv"]).code(2).says("name one");
    test.run(&["generate", "mart_average_check"]).code(2).says("no generator is selected");
    test.run(&["generate", "users", "--forever"]).code(2).says("`every`");
}

#[test]
fn generate_forever_sends_until_ctrl_c() {
    let test = Test::shop().env("KAFKA_DATAGEN_PERIOD_SECS", "1");
    test.run(&["generate", "user_events", "--rows", "3"]).code(0);
    let sending = test.command(&["generate", "user_events", "--forever"]).stderr(std::process::Stdio::piped()).spawn();
    let sending = sending.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1700));
    std::process::Command::new("kill").args(["-INT", &sending.id().to_string()]).status().unwrap();
    let done = crate::builder::Done::of(sending.wait_with_output().unwrap()).code(130).says("Generated user_events");
    assert_eq!(done.stderr.matches("Generated").count(), 2, "{}", done.stderr);
}

#[test]
fn tests_pass_then_a_change_is_shown_and_accepted() {
    let test = Test::shop();
    test.run(&["test"]).code(0).stdout("").says("Passed");
    assert!(!test.path(".engine/state.db").exists(), "no run, no database");
    let mart = test.read("project/models/mart_average_check.sql");
    test.write(
        "project/models/mart_average_check.sql",
        &mart.replace("avg(o.total_amount)", "avg(o.total_amount) + 1"),
    );
    let failed = test.run(&["test", "mart_average_check"]).code(1).says("Failed snapshot mart_average_check");
    assert!(failed.stderr.contains("rows differ") && failed.stderr.contains("key: status"), "{}", failed.stderr);
    let cause = "caused by: project/models/mart_average_check.sql changed (line ";
    let failed = failed.says(cause);
    assert_eq!(failed.stderr.matches("caused by").count(), 1, "{}", failed.stderr);
    test.run(&["test", "mart_average_check"]).code(1).says(cause);
    test.run(&["test", "mart_average_check", "--output", "junit"]).code(1).prints("<testsuite");
    test.run(&["test", "mart_average_check", "--review"]).code(2).says("--accept");
    test.run(&["test", "mart_average_check", "--accept"]).code(1).says("Recorded snapshot");
    let json = test.run(&["test", "mart_average_check", "--output", "json"]).code(1).stdout;
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    let still = test.run(&["test", "mart_average_check"]).code(1).stderr;
    assert!(still.contains("Failed unit test") && !still.contains("snapshot"), "{still}");
}

/// A chain with a test over what it makes, and one that says something else each time.
fn tested() -> Test {
    chain()
        .file("project/tests/few.sql", "select m from {{ ref(\"b\") }} where m > 9")
        .file("project/tests/young.sql", "select m from {{ ref(\"b\") }} where current_date < date '2020-01-01'")
}

#[test]
fn a_test_is_reused_while_its_words_and_its_rows_are_what_passed() {
    let test = tested();
    test.run(&["plan"]).code(0).prints("+ few").prints("new, tested");
    test.run(&["run"]).code(0).says("Tested few").says("Tested young").says("5 succeeded");
    test.run(&["plan"]).code(0).prints("4 unchanged, reused").prints("· young").prints("says something else each time");
    let again = test.run(&["run"]).code(0).says("Reused few").says("passed, unchanged since");
    again.says("Tested young").says("1 succeeded, 4 reused");
    test.run(&["run", "few"]).code(0).says("Tested few");
    test.run(&["run", "--full-refresh"]).code(0).says("Tested few").says("Succeeded b");

    test.write("project/tests/few.sql", "-- words\nselect m from {{ ref(\"b\") }} where m > 9");
    test.run(&["run"]).code(0).says("Reused few");
    test.write("project/tests/few.sql", "select m from {{ ref(\"b\") }} where m > 8");
    test.run(&["plan"]).code(0).prints("~ few").prints("project/tests/few.sql");
    test.run(&["run"]).code(0).says("Tested few").says("2 succeeded, 3 reused");
    test.write("project/seeds/s.csv", "id,name\n1,a\n2,\n3,NULL\n4,d\n");
    test.run(&["plan"]).code(0).prints("· few").prints("reads b");
    test.run(&["run"]).code(0).says("Tested few").says("5 succeeded");

    std::fs::remove_file(test.path("project/tests/few.sql")).unwrap();
    let gone = test.run(&["plan"]).code(0).stdout;
    assert!(gone.contains("- few") && !gone.contains("its table stays"), "{gone}");
}

#[test]
fn a_test_that_fails_or_warns_is_not_reused() {
    let test = chain().file("project/tests/few.sql", "select m from {{ ref(\"b\") }} where m > 3");
    for _ in 0..2 {
        test.run(&["run"]).code(1).says("Failed few").says("error[E0302]");
    }
    test.write(
        "project/tests/few.sql",
        "{{ config(severity = \"warn\") }}\nselect m from {{ ref(\"b\") }} where m > 3",
    );
    for _ in 0..2 {
        test.run(&["run"]).code(0).says("Tested few").says("Warning few");
    }
    // A view is looked through: what it says counts, and what it reads.
    let test = chain()
        .file("project/models/v.sql", "{{ config(materialized = \"view\") }}\nselect m from {{ ref(\"b\") }}")
        .file("project/tests/few.sql", "select m from {{ ref(\"v\") }} where m > 9");
    test.run(&["run"]).code(0).says("Tested few");
    test.run(&["run"]).code(0).says("Reused few");
    test.write(
        "project/models/v.sql",
        "{{ config(materialized = \"view\") }}\nselect m + 9 as m from {{ ref(\"b\") }}",
    );
    test.run(&["run"]).code(1).says("Failed few");
}
