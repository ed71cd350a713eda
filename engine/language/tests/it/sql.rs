//! The SQL that templates render to: what it must be, and where its bytes came from.

use crate::support::{check_problems, good, project};

const VIEW: &str = "//- project/models/m.sql\n{{ config(materialized='view') }}";

#[test]
fn models_are_one_query() {
    for (sql, expected) in [
        ("select 1;", ""),
        ("with a as (select 1 as id) select * from a", ""),
        ("with recursive A as (select 1 as id union all select id + 1 from a where id < 3) select * from a", ""),
        ("values (1, 2), (3, 4)", ""),
        ("select * from generate_series(1, 3)", ""),
        ("select * from (select 1 as x) as t, lateral (select t.x) as u", ""),
        (
            "select a b c from {{ this }}",
            "E0201 project/models/m.sql:1:45 `c`: the SQL cannot be parsed: expected: end of statement, found: c",
        ),
        ("select 'a", "E0201 project/models/m.sql:1:41 `'`: the SQL cannot be parsed: unterminated string literal"),
        ("select (1", "E0201 project/models/m.sql:1:42 `1`: the SQL cannot be parsed: expected: ), found: EOF"),
        (
            "-- nothing\n",
            "E0206 project/models/m.sql:1:1 ``: this renders to nothing, but must be one query\n  help: write a `select`",
        ),
        (
            "select 1; select 2",
            "E0206 project/models/m.sql:1:44 `select`: this renders to 2 statements, but must be one query\n  \
             label: the second begins here\n  help: put each into a file of its own",
        ),
        (
            "drop table x",
            "E0203 project/models/m.sql:1:34 `drop`: `drop` is no query\n  \
             help: a model is one `select`; where its rows go is said by `config()`",
        ),
        (
            "insert into x select 1",
            "E0203 project/models/m.sql:1:34 `insert`: `insert` is no query\n  \
             help: a model is one `select`; where its rows go is said by `config()`",
        ),
        (
            "select * from orders as o",
            "E0204 project/models/m.sql:1:48 `orders`: table `orders` is named without `ref` or `source`\n  \
             help: write `{{ ref('orders') }}`, or `{{ source('…', 'orders') }}`",
        ),
        ("select * from {{ this }}", ""),
        (
            "select * from {{ 'models.other' }}",
            "E0204 project/models/m.sql:1:51 `'models.other'`: table `models.other` is named without `ref` or `source`\n  \
             help: write `{{ ref('other') }}`",
        ),
        (
            "with x as (insert into y values (1)) select * from x",
            "E0203 project/models/m.sql:1:1 ``: this query writes, but a model may only read\n  \
             help: a model is one `select`; where its rows go is said by `config()`",
        ),
        (
            "select (select max(id) from shop.\"users-data\") as a",
            "E0204 project/models/m.sql:1:62 `shop.\"users-data\"`: table `shop.users-data` is named without `ref` or `source`\n  \
             help: write `{{ source('shop', 'users-data') }}` or `{{ ref('shop.users-data') }}`",
        ),
    ] {
        check_problems(&format!("{VIEW}{sql}"), expected);
    }
}

#[test]
fn a_query_of_any_depth_is_no_crash() {
    let deep = format!("{VIEW}select {}1{}", "(".repeat(5000), ")".repeat(5000));
    let (project, problems) = project(&deep);
    assert!(crate::support::draw(&project, &problems).contains("E0201"));
    good(&format!("{VIEW}select 1 as a where true{}", " or false".repeat(3000)));
    good(&format!("{VIEW}select 1 as a{}", " union all select 2".repeat(80)));
}

#[test]
fn bytes_of_the_sql_lead_to_the_template() {
    let project = good(
        "\
//- project/macros/m.sql
{% macro sum_of(column) %}sum({{ column }}){% endmacro %}
//- project/models/part.sql
{{ config(materialized='view') }}select 1 as id
//- project/models/m.sql
{{ config(materialized='view') }}
select
  {% for c in ['a', 'b'] %}{{ sum_of(c) }} as {{ c }}{{ ', ' if not loop.last }}{% endfor %}, 'é' as wide, wrong
from {{ ref('part') }} as p
",
    );
    let rendered = &project.models["m"].rendered;
    assert_eq!(rendered.sql, "\nselect\n  sum(a) as a, sum(b) as b, 'é' as wide, wrong\nfrom models.part as p");
    let at = |text: &str| {
        let offset = rendered.sql.find(text).unwrap();
        project.files.slice(rendered.locate(offset, text.len()).unwrap())
    };
    assert_eq!(at("wrong"), "wrong");
    assert_eq!(at("sum(b)"), "sum_of(c)");
    assert_eq!(at("models.part"), "ref('part')");
    let line = rendered.locate_line(3, 42, 5).unwrap();
    assert_eq!(project.files.slice(line), "wrong");
    assert_eq!(project.files.slice(rendered.reads[0].span), "ref('part')");
}

#[test]
fn fingerprints_tell_what_matters() {
    let fingerprint = |text: &str| {
        let text = format!(
            "//- project/models/part.sql\n{{{{ config(materialized='view') }}}}select 1 as id\n//- project/models/m.sql\n{text}"
        );
        good(&text).models["m"].fingerprint.clone()
    };
    let view = |sql: &str| fingerprint(&format!("{{{{ config(materialized='view') }}}}{sql}"));
    let base = view("select id from {{ ref('part') }}");
    assert!(!base.volatile);
    for same in [
        "SELECT   ID\n-- a comment\nFROM {{ ref('part') }} /* another */ ;\n",
        "{# note #}select {{ 'id' }} from {{ ref('part') }}",
        "{{ config(description='x', tags=['a']) }}select id from {{ ref('part') }}",
    ] {
        assert_eq!(view(same), base, "{same}");
    }
    for other in [
        "select \"ID\" from {{ ref('part') }}",
        "select id + 1 from {{ ref('part') }}",
        "select 'id' from {{ ref('part') }}",
        "{{ config(checks=[not_null('id')]) }}select id from {{ ref('part') }}",
        "select id from {{ ref('part') }}{% if is_incremental() %} where id > 1{% endif %}",
    ] {
        assert_ne!(view(other).hash, base.hash, "{other}");
    }
    for volatile in [
        "select now() as a",
        "select Random() as a",
        "select current_date as a",
        "select '{{ run.id }}' as a",
        "select 1 as a{% if is_incremental() %} where now() > '2020-01-01'{% endif %}",
    ] {
        assert!(view(volatile).volatile, "{volatile}");
    }
    assert!(!view("select p.now, 'random()' as a from {{ ref('part') }} as p").volatile);
}
