//! `engine plan`: what would be done, why, and what would come of it.

use crate::{
    builder::{Test, filtered},
    runs::chain,
};
use rusqlite::Connection;

/// The plan as text, times aside.
fn plan(test: &Test, args: &[&str]) -> String {
    let args: Vec<&str> = [&["plan"], args].concat();
    filtered(&test.run(&args).code(0).stdout)
}

#[test]
fn a_changed_model_is_shown_with_its_lines_rows_and_columns() {
    let test = chain().file("project/models/c.sql", "select id\nfrom {{ ref(\"s\") }}\nwhere id > 0\n");
    test.run(&["run"]).code(0);
    assert_eq!(
        plan(&test, &[]),
        "  = 4 unchanged, reused\nWould run nothing: all 4 nodes are as they should be. Nothing was changed.\n"
    );
    test.write("project/models/c.sql", "select id, name as called\nfrom {{ ref(\"s\") }}\nwhere id > 1\n");
    test.write("project/models/a.sql", "select count(id) as n from {{ ref(\"s\") }}\n");
    test.write("project/models/d.sql", "select 1 as x");
    assert_eq!(
        plan(&test, &[]),
        "  ~ a                     changed    project/models/a.sql
      - {{ config(checks = [not_null(\"n\")]) }}
      - select count(*) as n from {{ ref(\"s\") }}
      + select count(id) as n from {{ ref(\"s\") }}
      rows: 1, as before    schema: unchanged
  · b                     reads a
  ~ c                     changed    project/models/c.sql
      - select id
      + select id, name as called
      - where id > 0
      + where id > 1
      rows: 3 → 2    schema: + called text
  + d                     new, built
  = 1 unchanged, reused
Would run 4 of 5 nodes in 2 steps, about 4 rows, about [T], and 1 node of unknown size. Nothing was changed.
"
    );
    let json: serde_json::Value = serde_json::from_str(&plan(&test, &["c", "--output", "json"])).unwrap();
    assert_eq!(json["steps"][0]["changes"]["model.c"]["rows"]["now"], 2);
    assert_eq!(json["steps"][0]["changes"]["model.c"]["schema"][0], "+ called text");
    assert_eq!(json["steps"][0]["changes"]["model.c"]["lines"][0], "-select id");
}

#[test]
fn what_changed_without_the_text_is_said() {
    let test = chain()
        .file("project/macros/m.sql", "{% macro more() %}1{% endmacro %}")
        .file("project/models/b.sql", "select n + {{ more() }} as m from {{ ref(\"a\") }}");
    test.run(&["run"]).code(0);
    test.write("project/macros/m.sql", "{% macro more() %}2{% endmacro %}");
    assert!(plan(&test, &[]).contains("a macro, variable or setting that it uses changed"));
    test.run(&["run"]).code(0);
    Connection::open(test.path(".engine/out.db")).unwrap().execute_batch("update a set n = 9").unwrap();
    let altered = plan(&test, &[]);
    assert!(altered.contains("· a "), "somebody wrote into it\n{altered}");
    assert!(altered.contains("· b                     reads a"), "{altered}");
    test.run(&["run"]).code(0).says("Succeeded a");
}

#[test]
fn a_removed_model_is_said_until_the_next_run() {
    let test = chain();
    test.run(&["run"]).code(0);
    std::fs::remove_file(test.path("project/models/b.sql")).unwrap();
    assert!(plan(&test, &[]).contains("- b                     removed from the project; its table stays"));
    assert!(!plan(&test, &["a"]).contains("removed"));
    test.run(&["run"]).code(0);
    assert!(!plan(&test, &[]).contains("removed"));
}

#[test]
fn the_plan_says_what_the_run_then_does() {
    let test = Test::shop();
    assert!(plan(&test, &[]).contains("+ mart_average_check "), "{}", plan(&test, &[]));
    test.run(&["run"]).code(0);
    let steady = plan(&test, &[]);
    assert!(steady.contains("unchanged, reused"), "{steady}");
    assert!(!steady.contains("mart_average_check"), "{steady}");
    let shop = Connection::open(test.path(".engine/data/shop.db")).unwrap();
    shop.execute_batch("update users set loyalty_status = 'Gold'").unwrap();
    let moved = plan(&test, &[]);
    assert!(moved.contains("replica.users") && moved.contains("shop.users may have new rows"), "{moved}");
    assert!(moved.contains("reads replica.orders"), "{moved}");
    let ran = test.run(&["run"]).code(0).says("Succeeded mart_average_check").says("Replicated replica.users");
    assert!(!ran.stderr.contains("Generated "), "{}", ran.stderr);
}
