//! Planning without data: each mistake in SQL at its place in the user's file.

use engine_language::{
    diagnostic::{Problems, Severity},
    files::Span,
    load::{LoadOptions, load},
    project::Project,
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::{analyze::analyze, systems::Systems};
use std::{collections::BTreeMap, fmt::Write, path::Path};

const SHOP: &str = r#"
//- project/sources.toml
default_sink = "marts"
[connections.db]
type = "sqlite"
path = "db.sqlite"
[sources.shop]
connection = "db"
[sources.shop.tables.orders]
columns = { order_id = "int", customer_id = "int", status = "text", amount = "decimal(10,2)", placed = "timestamp" }
[sources.shop.tables.customers]
columns = { customer_id = "int", name = "text", status = "text" }
[sources.far]
connection = "db"
[sinks.marts]
connection = "db"
"#;

fn project(fixture: &str) -> (Project, Problems) {
    let options =
        LoadOptions { target: None, vars: BTreeMap::default(), run: RunInfo::NONE, discovered: BTreeMap::default() };
    let (project, mut problems) = load(&MemoryWorld::fixture(&format!("{SHOP}{fixture}")), &options);
    let systems = Systems::connect(&project, Path::new("."), &mut problems);
    analyze(&project, &systems, &mut problems);
    problems.sort(&project.files);
    (project, problems)
}

/// What is wrong, one line each: code, place, what stands there, message, then labels, help and fix.
fn check(fixture: &str, expected: &str) {
    let (project, problems) = project(fixture);
    let place = |span: Span| {
        let (line, column) = project.files.line_column(span.file, span.start);
        let file = project.files.path(span.file).file_name().unwrap().to_string_lossy();
        format!("{file}:{line}:{column} `{}`", project.files.slice(span))
    };
    let mut found = String::new();
    for problem in &problems {
        let word = if problem.severity == Severity::Error { "" } else { "warning " };
        let at = problem.span.map(place).unwrap_or_default();
        writeln!(found, "{word}{} {at}: {}", problem.code.id, problem.message).unwrap();
        if let Some(label) = &problem.label {
            writeln!(found, "  label: {label}").unwrap();
        }
        for (span, text) in &problem.labels {
            writeln!(found, "  {}: {text}", place(*span)).unwrap();
        }
        for hint in &problem.hints {
            writeln!(found, "  help: {hint}").unwrap();
        }
        if let Some(fix) = &problem.fix {
            writeln!(found, "  fix: {} -> `{}` ({})", place(fix.span), fix.replacement, fix.message).unwrap();
        }
    }
    assert!(found.trim() == expected.trim(), "found:\n{found}\nexpected:\n{expected}");
}

fn model(sql: &str) -> String {
    format!("//- project/models/m.sql\n{sql}\n")
}

#[test]
fn a_column_that_is_not_there() {
    check(
        &model("select\n  o.custmer_id\nfrom {{ source('shop', 'orders') }} as o"),
        r"
E0202 m.sql:2:5 `custmer_id`: column `custmer_id` not found
  label: not a column of `o`, which is `shop.orders`
  fix: m.sql:2:5 `custmer_id` -> `customer_id` (a column with a similar name exists)
",
    );
}

#[test]
fn a_column_without_a_table() {
    check(
        &model("select order_id, amuont\nfrom {{ source('shop', 'orders') }}"),
        r"
E0202 m.sql:1:18 `amuont`: column `amuont` not found
  fix: m.sql:1:18 `amuont` -> `amount` (a column with a similar name exists)
",
    );
}

#[test]
fn an_ambiguous_column() {
    check(
        &model(
            "select status from {{ source('shop', 'orders') }} o\njoin {{ source('shop', 'customers') }} c on o.customer_id = c.customer_id",
        ),
        r"
E0211 m.sql:1:8 `status`: column `status` is ambiguous
  help: say which one: `o.status` or `c.status`
",
    );
}

#[test]
fn a_function_that_is_not_there() {
    check(
        &model("select cuont(order_id) as n\nfrom {{ source('shop', 'orders') }}"),
        r"
E0212 m.sql:1:8 `cuont`: no function `cuont`
  fix: m.sql:1:8 `cuont` -> `count` (a function with a similar name exists)
",
    );
}

#[test]
fn types_that_do_not_go_together() {
    check(
        &model("select *\nfrom {{ source('shop', 'orders') }}\nwhere order_id and placed"),
        r"
E0213 m.sql:1:1 `select`: expressions have incompatible types
  help: has type integer
  help: has type timestamp
",
    );
}

#[test]
fn arguments_of_a_wrong_type() {
    check(
        &model("select sum(status) as total\nfrom {{ source('shop', 'orders') }}"),
        r"
E0213 m.sql:1:8 `sum`: `sum` does not take an argument of type text in model `m`
",
    );
}

#[test]
fn a_column_outside_of_group_by() {
    check(
        &model("select status, customer_id, count(*) as n\nfrom {{ source('shop', 'orders') }} group by status"),
        r"
E0214 m.sql:1:16 `customer_id`: `customer_id` is neither in `group by` nor inside an aggregate
  help: add `customer_id` to `group by`, or say which of its values: `min(customer_id)`, `any_value(customer_id)`
",
    );
}

#[test]
fn unions_of_different_width() {
    check(
        &model("select 1 as a union all select 2 as a, 3 as b"),
        r"
E0214 m.sql:1:1 `select 1 as a union all select 2 as a, 3 as b`: UNION queries have different number of columns
  m.sql:1:1 `select 1 as a`: this side has 1 fields
  m.sql:1:25 `select 2 as a, 3 as b`: this side has 2 fields
",
    );
}

#[test]
fn columns_of_the_same_name() {
    check(
        &model("select order_id, order_id from {{ source('shop', 'orders') }}"),
        r"
E0217 m.sql:1:18 `order_id`: two columns are called `order_id`
  help: give it one of its own by `as`
",
    );
}

#[test]
fn columns_without_a_name() {
    check(
        &model(
            "select order_id + 1, sum(amount), sum(amount * 2)\nfrom {{ source('shop', 'orders') }} group by order_id",
        ),
        r"
E0217 m.sql:1:8 `order_id + 1`: this column has no name
  help: give it one of its own by `as`
E0217 m.sql:1:35 `sum(amount * 2`: two columns are called `sum`
  help: give it one of its own by `as`
",
    );
}

#[test]
fn a_key_of_using_that_is_not_there() {
    check(
        &model(
            "select o.order_id from {{ source('shop', 'orders') }} o\njoin {{ source('shop', 'customers') }} c using (custmer_id)",
        ),
        r"
E0202 m.sql:2:49 `custmer_id`: column `custmer_id` of `using` is not on the left side of the join
  fix: m.sql:2:49 `custmer_id` -> `customer_id` (a column with a similar name exists)
",
    );
}

#[test]
fn sql_that_is_not_supported() {
    check(
        &model("select order_id from {{ source('shop', 'orders') }}\norder by amount fetch first 3 rows with ties"),
        r"
E0216 m.sql:2:29 `3`: `fetch first 3 rows with ties` is not supported
  help: number the rows, such as `qualify rank() over (order by …) <= 10`
",
    );
}

#[test]
fn a_syntax_error_is_said_once() {
    let (project, problems) = project(&model("select order_id from from {{ source('shop', 'orders') }}"));
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.id).collect();
    assert_eq!(codes, ["E0201"], "{:?}", project.models.keys());
}

#[test]
fn every_model_complains_and_what_stands_behind_is_passed_over() {
    check(
        "
//- project/models/a.sql
select x from {{ source('shop', 'orders') }}
//- project/models/b.sql
select y from {{ source('shop', 'orders') }}
//- project/models/c.sql
select z from {{ ref('a') }}
//- project/models/d.sql
select order_id from {{ source('shop', 'orders') }}
",
        r"
E0202 a.sql:1:8 `x`: column `x` not found
  help: there are order_id, customer_id, status, amount, placed
E0202 b.sql:1:8 `y`: column `y` not found
  help: there are order_id, customer_id, status, amount, placed
",
    );
}

#[test]
fn keys_cursors_and_checks_name_columns_of_the_rows() {
    check(
        "
//- project/models/m.sql
{{ config(
    materialized = 'incremental',
    key = ['oder_id'],
    cursor = 'plaecd',
    checks = [not_null('amuont'), relationships('customer_id', to = 'shop.customers', field = 'id'), expression('amount > stats')],
) }}
select * from {{ source('shop', 'orders') }}
",
        r"
E0202 m.sql:3:12 `'oder_id'`: the key of `m` names the column `oder_id`, which its rows do not have
  help: a column with a similar name exists: `order_id`
E0202 m.sql:4:14 `'plaecd'`: the cursor of `m` names the column `plaecd`, which its rows do not have
  help: a column with a similar name exists: `placed`
E0202 m.sql:5:15 `not_null('amuont')`: the check not_null(amuont) of `m` names the column `amuont`, which its rows do not have
  help: a column with a similar name exists: `amount`
E0202 m.sql:5:35 `relationships('customer_id', to = 'shop.customers', field = 'id')`: the check relationships(customer_id → shop.customers.id) of `m` names the column `id`, which its rows do not have
  help: its columns: customer_id, name, status
E0301 m.sql:5:102 `expression('amount > stats')`: the check expression(amount > stats) of `m` cannot be planned: Schema error: No field named stats. Did you mean 'status'?
",
    );
}

#[test]
fn the_incremental_half_is_planned_too() {
    check(
        "
//- project/models/m.sql
{{ config(materialized = 'incremental', key = ['order_id']) }}
select * from {{ source('shop', 'orders') }}
{% if is_incremental() %} where placed > (select max(plcaed) from {{ this }}) {% endif %}
",
        r"
E0202 m.sql:3:54 `plcaed`: column `plcaed` not found
  fix: m.sql:3:54 `plcaed` -> `placed` (a column with a similar name exists)
",
    );
}

#[test]
fn a_source_that_nobody_knows_is_a_warning() {
    check(
        &model("select anything from {{ source('far', 'things') }}"),
        r"
warning W0210 m.sql:1:25 `source('far', 'things')`: the columns of `far.things` are not known
  help: `engine check --online` asks its system and writes project/schema.lock
",
    );
}

#[test]
fn singular_tests_are_planned_too() {
    check(
        "//- project/tests/t.sql\nselect * from {{ source('shop', 'orders') }} where amnt < 0\n",
        r"
E0202 t.sql:1:52 `amnt`: column `amnt` not found
  fix: t.sql:1:52 `amnt` -> `amount` (a column with a similar name exists)
",
    );
}
