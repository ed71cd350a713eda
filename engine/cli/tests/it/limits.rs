//! Memory and room for spilling: what does not fit is said, and spills leave nothing behind.

use crate::builder::Test;

/// Joins 300,000 rows of a hundred bytes with themselves, within `limits`.
fn joined(limits: &str) -> Test {
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let rows = "r as (select (a.x * 100000 + b.x * 10000 + c.x * 1000 + e.x * 100 + f.x * 10 + g.x) as i\n\
                from d a, d b, d c, d e, d f, d g where a.x < 3)";
    let wide = "w as (select i, repeat(cast(i as varchar), 17) as t from r)";
    let sql = format!(
        "with {digits},\n{rows},\n{wide}\nselect count(*) as n, sum(length(l.t) + length(r.t)) as size\n\
         from w l join w r on l.i = r.i"
    );
    let test = Test::small();
    let sources = format!("{}[limits]\n{limits}\n", test.read("project/sources.toml"));
    test.file("project/sources.toml", &sources).file("project/models/m.sql", &sql)
}

/// What is left in the spill folder, the file aside that says that somebody uses it.
fn spilled(test: &Test) -> usize {
    let left = std::fs::read_dir(test.path(".engine/tmp")).unwrap();
    left.filter(|entry| entry.as_ref().unwrap().file_name() != "lock").count()
}

#[test]
fn a_join_that_does_not_fit_into_memory_is_sorted() {
    let test = joined("memory = \"32MiB\"");
    test.run(&["run"]).code(0).says("joining by sorting instead").says("Succeeded m");
    test.run(&["show", "m", "--output", "csv"]).code(0).stdout("n,size\n300000,57422260\n");
    assert_eq!(spilled(&test), 0, "what was spilled is gone");
}

#[test]
fn joins_that_do_not_fit_beside_each_other_follow_each_other() {
    let test = joined("memory = \"32MiB\"");
    test.write("project/models/n.sql", &test.read("project/models/m.sql"));
    test.run(&["run"])
        .code(0)
        .says("running again without them")
        .says("joining by sorting instead")
        .says("2 succeeded");
    assert_eq!(spilled(&test), 0, "what was spilled is gone");
}

#[test]
fn what_does_not_fit_into_memory_is_said() {
    let test = joined("memory = \"1MiB\"");
    let run =
        test.run(&["run"]).code(1).says("error[E0313]").says("there is not enough memory").says("`[limits] memory`");
    assert!(!run.stderr.contains("taking up to"), "{}", run.stderr);
    assert_eq!(spilled(&test), 0, "what was spilled is gone");
}

#[test]
fn what_does_not_fit_into_the_spill_folder_is_said() {
    let test = joined("memory = \"32MiB\"\nspill = \"1MiB\"");
    test.run(&["run"]).code(1).says("error[E0313]").says("room to spill into").says("`[limits] spill`");
}
