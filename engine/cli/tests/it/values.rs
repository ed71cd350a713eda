//! What a query gives is what its table holds: the types that it coerces values to are the table's.

use crate::builder::Test;

/// Queries whose columns have another type before DataFusion coerces them than after, and what they give.
const QUERIES: [(&str, &str, &str); 16] = [
    (
        "kept",
        "select case when status <> 'Completed' then 0 else amount end as v from t order by id",
        "1477.36 0.00 0.10",
    ),
    ("summed", "select sum(case when status <> 'Completed' then 0 else amount end) as v from t", "1477.46"),
    ("first", "select coalesce(0, amount) as v from t where id = 1", "0.00"),
    ("other", "select coalesce(cast(null as int), amount) as v from t order by id", "1477.36 20.55 0.10"),
    ("either", "select 0 as v union all select amount from t order by v", "0.00 0.10 20.55 1477.36"),
    ("both", "select cast(1 as int) as v union select amount from t order by v", "0.10 1.00 20.55 1477.36"),
    ("minus", "select cast(1 as int) as v except select amount from t", "1"),
    ("within", "select v from (select 0 as v union all select amount from t) x where v > 1000", "1477.36"),
    (
        "named",
        "with x as (select case when id = 1 then 1 else amount end as v from t) select v from x order by v",
        "0.10 1.00 20.55",
    ),
    ("nothing", "select nullif(1, amount) as v from t where id = 1", "1.00"),
    ("greatest", "select greatest(0, amount) as v from t order by id", "1477.36 20.55 0.10"),
    ("least", "select least(amount, 1000) as v from t order by id", "1000.00 20.55 0.10"),
    (
        "time",
        "select case when id > 1 then cast(at as date) else at end as v from t where id < 3 order by id",
        "2026-01-02T03:04:05.678901 2026-01-02T00:00:00",
    ),
    (
        "times",
        "select cast(at as date) as v from t where id = 1 union all select at from t where id = 1 order by v",
        "2026-01-02T00:00:00 2026-01-02T03:04:05.678901",
    ),
    ("floats", "select case when id = 1 then cast(0.5 as real) else wide end as v from t order by id", "0.5 0.1 0.2"),
    (
        "wide",
        "select coalesce(id, wide) as v from t where id = 1 union all select wide from t where id = 2 order by v",
        "0.1 1.0",
    ),
];

fn project() -> Test {
    let mut test = Test::small().file(
        "project/models/t.sql",
        "select cast(id as bigint) as id, status, cast(amount as decimal(10, 2)) as amount,
            cast('2026-01-02 03:04:05.678901' as timestamp) as at, cast(wide as double) as wide
        from (values (1, 'Completed', '1477.36', '0.7'), (2, 'Canceled', '20.55', '0.1'), (3, 'Completed', '0.10', '0.2'))
            as v(id, status, amount, wide)",
    );
    for (name, sql, _) in QUERIES {
        let sql = sql.replace("from t", "from {{ ref(\"t\") }} as t");
        test = test.file(&format!("project/models/{name}.sql"), &sql);
        // What reads a view sees its types as well.
        test = test.file(
            &format!("project/models/{name}_view.sql"),
            &format!("{{{{ config(materialized = \"view\") }}}}\n{sql}"),
        );
        test = test
            .file(&format!("project/models/{name}_seen.sql"), &format!("select v from {{{{ ref(\"{name}_view\") }}}}"));
    }
    test
}

#[test]
fn a_table_holds_what_its_query_gives() {
    let test = project();
    test.run(&["check"]).code(0);
    test.run(&["run"]).code(0);
    for (name, sql, values) in QUERIES {
        for model in [name.to_owned(), format!("{name}_seen")] {
            let shown =
                test.run(&["show", "--sql", &format!("select v from {{{{ ref('{model}') }}}}"), "--output", "csv"]);
            let mut lines: Vec<&str> = shown.stdout.lines().skip(1).collect();
            let mut expected: Vec<&str> = values.split(' ').collect();
            lines.sort_unstable();
            expected.sort_unstable();
            assert_eq!(lines, expected, "{model}: {sql}\n{}", shown.stderr);
        }
    }
}

#[test]
fn check_knows_the_types_that_the_table_gets() {
    let test = project();
    let model = "{{ config(checks = [expression(\"v * 100 % 100 >= 0\")]) }}\nselect v from {{ ref(\"kept\") }} where v = 1477.36";
    test.write("project/models/last.sql", model);
    test.run(&["run", "+last"]).code(0);
    test.run(&["show", "last", "--output", "csv"]).code(0).stdout("v\n1477.36\n");
}
