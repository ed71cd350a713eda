//! Models that add to what is there: incremental by each strategy, and streams.

use crate::builder::Test;

/// A project whose seed `s` is read by the model `m`.
fn incremental(config: &str, select: &str) -> Test {
    Test::small()
        .file("project/seeds/s.csv", "id,word\n1,a\n2,b\n")
        .file("project/models/m.sql", &format!("{{{{ config(materialized = \"incremental\", {config}) }}}}\n{select}"))
}

/// The rows of `m`, ordered.
#[track_caller]
fn rows(test: &Test) -> String {
    let sql = "select * from {{ ref('m') }} order by 1, 2";
    let csv = test.run(&["show", "--sql", sql, "--output", "csv", "--limit", "0"]).code(0).stdout;
    csv.lines().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn merge_updates_by_key_and_adds_what_is_new() {
    let test = incremental("key = [\"id\"]", "select id, word from {{ ref(\"s\") }}");
    test.run(&["run"]).code(0);
    test.write("project/seeds/s.csv", "id,word\n2,B\n3,c\n");
    test.run(&["run"]).code(0).says("Succeeded m");
    assert_eq!(rows(&test), "1,a 2,B 3,c");
    test.run(&["run"]).code(0).says("Reused m");
    test.run(&["run", "--full-refresh"]).code(0);
    assert_eq!(rows(&test), "2,B 3,c");
}

#[test]
fn append_adds_and_keeps_what_is_there() {
    let only_new = "select id, word from {{ ref(\"s\") }}\n\
                    {% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}";
    let test = incremental("strategy = \"append\"", only_new);
    test.run(&["run"]).code(0);
    test.write("project/seeds/s.csv", "id,word\n1,other\n2,b\n3,c\n");
    test.run(&["run"]).code(0);
    assert_eq!(rows(&test), "1,a 2,b 3,c");
}

#[test]
fn delete_insert_replaces_all_rows_of_a_key() {
    let test = incremental("strategy = \"delete_insert\", key = [\"word\"]", "select word, id from {{ ref(\"s\") }}");
    test.write("project/seeds/s.csv", "id,word\n1,a\n2,a\n3,b\n");
    test.run(&["run"]).code(0);
    test.write("project/seeds/s.csv", "id,word\n9,a\n");
    test.run(&["run"]).code(0);
    assert_eq!(rows(&test), "a,9 b,3");
}

#[test]
fn a_key_without_a_value_is_refused_and_nothing_is_written() {
    let test = incremental("key = [\"id\"]", "select id, word from {{ ref(\"s\") }}");
    test.run(&["run"]).code(0);
    test.write("project/seeds/s.csv", "id,word\n3,c\n,d\n");
    test.run(&["run"]).code(1).says("NULL in their key (id)");
    assert_eq!(rows(&test), "1,a 2,b");
}

#[test]
fn a_new_column_asks_for_a_full_refresh() {
    let test = incremental("key = [\"id\"]", "select id, word from {{ ref(\"s\") }}");
    test.run(&["run"]).code(0);
    let more = "{{ config(materialized = \"incremental\", key = [\"id\"]) }}\n\
                select id, word, id * 2 as twice from {{ ref(\"s\") }}";
    test.write("project/models/m.sql", more);
    test.run(&["run"]).code(1).says("error[E0308]").says("has no column twice").says("engine run m --full-refresh");
    assert_eq!(rows(&test), "1,a 2,b");
    test.run(&["run", "m", "--full-refresh"]).code(0);
    assert_eq!(rows(&test), "1,a,2 2,b,4");
}

#[test]
fn what_is_not_to_be_made_anew_is_kept_whatever_is_typed() {
    let config = |full_refresh: &str| {
        let sql = "select id, word from {{ ref(\"s\") }}";
        format!("{{{{ config(materialized = \"incremental\", strategy = \"append\", {full_refresh}) }}}}\n{sql}")
    };
    let test = incremental("key = [\"id\"]", "select id, word from {{ ref(\"s\") }}");
    test.write("project/models/m.sql", &config("full_refresh = false"));
    test.run(&["run"]).code(0);
    test.write("project/seeds/s.csv", "id,word\n3,c\n");
    test.run(&["run", "--full-refresh"]).code(0);
    assert_eq!(rows(&test), "1,a 2,b 3,c", "`full_refresh = false` protects the rows");
    test.write("project/models/m.sql", &config("full_refresh = true"));
    test.run(&["run"]).code(0);
    assert_eq!(rows(&test), "3,c", "`full_refresh = true` makes it anew each time");
}

/// A topic of sign-ups that a stream puts into `m`.
fn stream(config: &str) -> Test {
    let sources = "default_sink = \"out\"\n\
        [connections.out]\ntype = \"sqlite\"\npath = \".engine/out.db\"\n[sinks.out]\nconnection = \"out\"\n\
        [connections.events]\ntype = \"log\"\npath = \".engine/events\"\n\
        [sources.events]\nconnection = \"events\"\n\
        [sources.events.tables.ups]\nformat = \"json\"\ncolumns = { id = \"bigint\", word = \"text\" }\n";
    let generators = "seed = 1\n[ups]\ninto = \"events.ups\"\nrows = 40\n[ups.columns]\n\
        id = { type = \"bigint\", between = [1, 9] }\nword = { fake = \"word\" }\n";
    Test::new().file("project/sources.toml", sources).file("project/generators.toml", generators).file(
        "project/models/m.sql",
        &format!(
            "{{{{ config(materialized = \"stream\"{config}) }}}}\nselect id, word from {{{{ source(\"events\", \"ups\") }}}}"
        ),
    )
}

#[test]
fn a_stream_read_again_from_the_beginning_gives_the_same_rows() {
    for config in [", key = [\"id\"]", ""] {
        let test = stream(config);
        test.run(&["run"]).code(0).says("Streamed m").says("40 events");
        let first = rows(&test);
        test.run(&["run"]).code(0).says("no new events");
        test.run(&["run", "--full-refresh"]).code(0).says("Streamed m").says("40 events");
        assert_eq!(rows(&test), first, "{config}");
        test.run(&["generate", "ups", "--replace", "--rows", "5"]).code(0);
        test.run(&["run"]).code(0).says("5 events");
    }
}

#[test]
fn a_full_refresh_of_the_shop_keeps_its_streamed_users() {
    let test = Test::shop();
    let count = "select count(*) as n from {{ source('shop', 'users') }}";
    let users = || test.run(&["show", "--sql", count, "--output", "csv"]).code(0).stdout;
    test.run(&["run"]).code(0);
    let before = users();
    test.run(&["run", "--full-refresh"]).code(0).says("Reused users").says("Streamed new_users");
    assert_eq!(users(), before);
}

#[test]
fn a_broken_check_is_said_at_its_own_place_with_the_same_rows_each_time() {
    let config = "{{ config(checks = [\n    not_null(\"word\"),\n    expression(\"id < 3\"),\n]) }}\n";
    let test = Test::small()
        .file("project/seeds/s.csv", "id,word\n9,i\n1,a\n7,g\n8,h\n3,c\n5,e\n4,d\n6,f\n")
        .file("project/models/m.sql", &format!("{config}select id, word from {{{{ ref(\"s\") }}}}"));
    let first = test.run(&["run"]).code(1).says("7 rows break the check expression(id < 3)");
    let first = first.says("--> project/models/m.sql:3:5").says("| 7  | g    |");
    assert!(!first.stderr.contains("| 8  | h    |"), "the five lowest\n{}", first.stderr);
}
