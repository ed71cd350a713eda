//! Templates: what they render to, and what is wrong with them.

use crate::support::{check_problems, good};

/// One model `m` beside a few others, and what it renders to.
fn check(model: &str, expected: &str) {
    let fixture = format!("{BESIDE}//- project/models/m.sql\n{model}");
    let project = good(&fixture);
    assert_eq!(project.models["m"].rendered.sql, expected);
}

/// One model `m` beside a few others, and what is wrong with it.
fn check_wrong(model: &str, expected: &str) {
    check_problems(&format!("{BESIDE}//- project/models/m.sql\n{model}"), expected);
}

const BESIDE: &str = "\
//- project/models/orders.sql
{{ config(materialized = 'view') }}select 1 as id
//- project/models/weird name.sql
{{ config(materialized = 'view') }}select 1 as id
//- project/macros/prices.sql
{% macro cents_to_dollars(column, digits=2) %}round({{ column }} / 100, {{ digits }}){% endmacro %}
{% macro twice(column) %}({{ cents_to_dollars(column) }} + {{ other(column) }}){% endmacro %}
//- project/macros/more.sql
{% macro other(column) %}{{ column }}{% endmacro %}
";
const VIEW: &str = "{{ config(materialized='view') }}";

#[test]
fn functions_render_as_sql() {
    for (template, expected) in [
        ("select * from {{ ref('orders') }}", "select * from models.orders"),
        ("select * from {{ ref('shop', 'orders') }}", "select * from models.orders"),
        ("select * from {{ ref('weird name') }}", "select * from models.\"weird name\""),
        ("select {{ none }}, {{ true }}, {{ 1 == 2 }}, {{ 1.5 }}", "select NULL, true, false, 1.5"),
        ("select {{ \"it's\" | literal }}, {{ [1, 'a', none] | literal }}", "select 'it''s', 1, 'a', NULL"),
        ("select 1 as {{ 'Größe' | ident }}, 2 as {{ 'a' | ident }}", "select 1 as \"Größe\", 2 as a"),
        ("select {{ cents_to_dollars('x') }} from {{ ref('orders') }}", "select round(x / 100, 2) from models.orders"),
        ("select {{ twice('x') }} from {{ ref('orders') }}", "select (round(x / 100, 2) + x) from models.orders"),
        ("select '{{ this }}', '{{ this.name }}'", "select 'models.m', 'm'"),
        ("select '{{ run.id }}', '{{ run.started_at }}'", "select '01JD8Q', '2026-01-02 03:04:05.000000'"),
        ("select 1{% if is_incremental() %} where false{% endif %}", "select 1"),
        ("select '<b>'{{ log('x') }}", "select '<b>'"),
        ("select {{ var('n', 3) }}, '{{ env_var('HOME', '/root') }}'", "select 3, '/root'"),
        (
            "select {% for c in ['a', 'b'] %}{{ c }}{{ ', ' if not loop.last }}{% endfor %} from {{ ref('orders') }}",
            "select a, b from models.orders",
        ),
    ] {
        check(&format!("{VIEW}{template}"), expected);
    }
}

#[test]
fn mistakes_are_told_at_their_place() {
    for (template, expected) in
        [("select {{ colum }}", "E0101 project/models/m.sql:1:44 `colum`: `colum` is not defined")]
    {
        check_wrong(&format!("{VIEW}{template}"), expected);
    }
}

#[test]
fn a_thousand_models_load_at_once() {
    use std::fmt::Write;
    let mut fixture = BESIDE.to_owned();
    for i in 0..1000_u32 {
        let before = if i == 0 { "orders".to_owned() } else { format!("m{}", i.div_ceil(2)) };
        write!(
            fixture,
            "//- project/models/m{}.sql\n{{{{ config(materialized = 'view', tags = ['a'], checks = [not_null('id')]) }}}}\n\
             select {{{{ cents_to_dollars('id') }}}} as id\nfrom {{{{ ref('{before}') }}}} as b\nwhere b.id > 0\n",
            i + 1
        )
        .unwrap();
    }
    let start = std::time::Instant::now();
    let project = good(&fixture);
    println!("{:?}", start.elapsed());
    assert_eq!(project.graph.order().len(), 1002);
}
