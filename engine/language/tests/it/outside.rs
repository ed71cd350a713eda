//! Values from outside: they may not leave their token.

use crate::support::{draw, options};
use engine_language::{
    dialect::SqlDialect,
    load::{LoadOptions, load},
    world::MemoryWorld,
};
use proptest::prelude::*;
use sqlparser::tokenizer::{Token, Tokenizer};

const MACROS: &str = "\
//- project/macros/all.sql
{% macro scaled(column) %}round({{ column }} / 100, 2){% endmacro %}
{% macro region() %}region = '{{ env_var('REGION') }}'{% endmacro %}
{% macro shout(text) %}{{ text | upper }}{% endmacro %}
{% macro around() %}({{ caller() }}){% endmacro %}
{% macro twice(text) %}{{ shout(text) }} {{ shout(text) }}{% endmacro %}
";

fn render(template: &str, value: &str) -> Result<String, String> {
    let fixture = format!("{MACROS}//- project/models/m.sql\n{{{{ config(materialized='view') }}}}{template}");
    let mut world = MemoryWorld::fixture(&fixture);
    world.env.insert("REGION".into(), value.into());
    let options = LoadOptions { vars: [("x".to_owned(), value.to_owned())].into(), ..options() };
    let (project, problems) = load(&world, &options);
    let drawn = draw(&project, &problems);
    match project.models.get("m") {
        Some(model) if problems.is_empty() => Ok(model.rendered.sql.clone()),
        _ => Err(drawn),
    }
}

fn env(expression: &str) -> String {
    expression.replace('@', "env_var('REGION')")
}

#[test]
fn what_stays_in_its_token_is_let_through() {
    for (template, value, expected) in [
        ("select '{{ @ }}' as a", "north", "select 'north' as a"),
        ("select 'x {{ @ }} y' as a", "union select", "select 'x union select y' as a"),
        ("select '{{ @ }}' as a", "", "select '' as a"),
        ("select {{ @ }} as a", "12", "select 12 as a"),
        ("select {{ @ }} as a", "-1.5", "select -1.5 as a"),
        ("select 1 as {{ @ }}", "total", "select 1 as total"),
        ("select 1 as \"{{ @ }}\"", "a b", "select 1 as \"a b\""),
        ("select {{ @ }} as a", "true", "select true as a"),
        ("select {{ \"'\" ~ @ ~ \"'\" }} as a", "north", "select 'north' as a"),
        ("select {{ @ | literal }} as a", "it's; --", "select 'it''s; --' as a"),
        ("select 1 as {{ @ | ident }}", "a\" b", "select 1 as \"a\"\" b\""),
        ("select {{ @ | raw }} as a", "1 + 1", "select 1 + 1 as a"),
        ("select '{{ var('x') }}' as a", "a, b", "select 'a, b' as a"),
        ("select {{ var('x') }} as a", "7", "select 7 as a"),
        ("select '{{ run.id }}' as a", "", "select '01JD8Q' as a"),
        ("select {{ @ | int + 1 }} as a", "41", "select 42 as a"),
        ("select {{ @ | length }} as a", "a b c", "select 5 as a"),
        ("select {% if @ == 'north' %}1{% else %}2{% endif %} as a", "north", "select 1 as a"),
        ("select {{ 1 if @ == 'a or b' else 2 }} as a", "a or b", "select 1 as a"),
        ("select {{ scaled('a + b') }} as a, '{{ @ }}' as b", "x y", "select round(a + b / 100, 2) as a, 'x y' as b"),
        ("select {{ scaled(@) }} as a", "total", "select round(total / 100, 2) as a"),
        ("select {{ scaled(column=@) | trim }} as a", "total", "select round(total / 100, 2) as a"),
        ("select 1 as a where {{ region() }}", "it is", "select 1 as a where region = 'it is'"),
        ("{% set r = @ %}select '{{ shout(r) }}' as a", "a b", "select 'A B' as a"),
        ("select '{% call around() %}{{ @ }}{% endcall %}' as a", "x", "select '(x)' as a"),
        ("{% set t %}'{{ @ }}'{% endset %}select {{ t }} as a", "x y", "select 'x y' as a"),
        ("select {{ @.split(',') | map('literal') | join(', ') }} as a", "x", "select 'x' as a"),
        (
            "{% for p in @ | split(',') %}{{ 'select ' if loop.first else ', ' }}'{{ p }}'{% endfor %}",
            "a b,c",
            "select 'a b', 'c'",
        ),
    ] {
        match render(&env(template).replace(".split(',')", " | split(',')"), value) {
            Ok(sql) => assert_eq!(sql, expected, "{template}"),
            Err(problems) => panic!("{template}\n{problems}"),
        }
    }
}

#[test]
fn what_leaves_its_token_is_refused() {
    for (template, value) in [
        ("select '{{ @ }}' as a", "' or '1'='1"),
        ("select '{{ @ }}' as a", "'"),
        ("select {{ @ }} as a", "1 or 1"),
        ("select {{ @ }} as a", "a.b"),
        ("select {{ @ }} as a", "a()"),
        ("select {{ @ }} as a", ""),
        ("select {{ @ }} as a", "distinct"),
        ("select {{ @ }}'x' as a", "E"),
        ("select 5 -{{ @ }}\n as a", "-3"),
        ("select 1 -- {{ @ }}", "\n union select 2"),
        ("select 1 -- {{ @ }}", "x"),
        ("select 1 /* {{ @ }} */ as a", "x"),
        ("select {{ scaled(@) }} as a", "1) --"),
        ("select {{ twice(@) }} as a", "a, b"),
        ("{% set x = @ ~ 'b' %}select {{ x }} as a", "a,"),
        ("{% set ns = namespace(x='') %}{% set ns.x = @ %}select {{ ns.x }} as a", "a, b"),
        ("{% for p in @ | split(',') %}{{ 'select ' if loop.first }}{{ p }}{% endfor %}", "a b,c"),
        ("{% with y = @ %}select {{ y }} as a{% endwith %}", "a, b"),
        ("select {{ {'k': @}['k'] }} as a", "a, b"),
        ("select {{ [@] | join(', ') }} as a", "a, b"),
        ("select {{ @ | replace('_', ' ') }} as a", "a_b"),
        ("select {{ 'a_b' | replace('_', @) }} as a", ", "),
        ("select '{{ scaled(@) | replace(')', \"'\") }}' as a", "a"),
        ("{% set f = shout %}select {{ f(@) }} as a", "a, b"),
        ("{% set v = env_var %}select {{ v('REGION') }} as a", "a, b"),
        ("{% macro ask(f) %}{{ f('REGION') }}{% endmacro %}select {{ ask(env_var) }} as a", "a, b"),
        ("{% set r = run %}select {{ r.started_at }} as a", ""),
        ("{% from 'macros/all.sql' import shout as s %}select {{ s(@) }} as a", "a, b"),
        ("{% import 'macros/all.sql' as m %}select {{ m.shout(@) }} as a", "a, b"),
        ("{% macro own(z=@) %}{{ z }}{% endmacro %}select {{ own() }} as a", "a, b"),
        ("{% filter replace(',', ' ') %}select {{ @ }} as a{% endfilter %}", "x"),
        ("select {% call around() %}{{ @ }}{% endcall %} as a", "a, b"),
        ("select {{ @ if true }} as a", "a, b"),
        ("select {{ @ or 'x' }} as a", "a, b"),
        ("select {{ (@)[0:4] }} as a", "a, b, c"),
        ("select {{ run.started_at }} as a", ""),
        ("select {{ var('x') }} as a", "a, b"),
        ("select '{{ var('x') }}' as a", "' or "),
        ("select {{ var('y', 'a, b') }} as a", ""),
        ("select {{ run.id }}, 1 as a, {{ run.interval_end }}", ""),
        ("select '{{ @ }}' as a", "x\u{FDD1}' or '\u{FDD0}y"),
    ] {
        match render(&env(template), value) {
            Ok(sql) => panic!("{template} became {sql}"),
            Err(problems) => assert!(problems.starts_with("E0114 "), "{template}\n{problems}"),
        }
    }
}

#[test]
fn the_place_is_that_of_the_expression() {
    let problems = render("select {{ env_var('REGION') }} as a", "a, b").unwrap_err();
    crate::support::pretty(
        &problems,
        "E0114 project/models/m.sql:1:44 `env_var('REGION')`: this value comes from outside, and it is not one string literal, \
         one number or one identifier
  help: `| literal` makes it a string or number of SQL, `| ident` an identifier
  help: `| raw` lets it be any SQL: only where you trust whoever sets it",
    );
}

/// The kinds of the tokens, so that two texts can be compared for their shape.
fn shape(sql: &str) -> Vec<String> {
    let tokens = Tokenizer::new(&SqlDialect, sql).tokenize().unwrap();
    let kind = |token: Token| match token {
        Token::SingleQuotedString(_) => "string".to_owned(),
        Token::Number(..) => "value".to_owned(),
        Token::Word(word) if word.value.contains('q') || word.quote_style.is_some() => "value".to_owned(),
        other => other.to_string(),
    };
    tokens.into_iter().map(kind).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever the value, the query has the shape that it has for a harmless one.
    #[test]
    fn no_value_changes_the_shape_of_a_query(
        value in "(q|'|''|\"|--|/\\*|\\*/|\\\\|;|,|\\(|\\)| |\n|1|\\$\\$|E|é){0,6}",
        place in 0usize..9,
    ) {
        let template = [
            "select '{{ @ }}' as a, 'it' as b",
            "select '{{ @ }}{{ @ }}' as a, 'it' as b",
            "select 'a''{{ @ }}' as a, 'it' as b",
            "select {{ @ | literal }} as a, 'it' as b",
            "select 1 as {{ @ | ident }}, 'it' as b",
            "select '{{ twice(@) | lower }}' as a, 'it' as b",
            "select {{ \"'\" ~ @ ~ \"'\" }} as a, 'it' as b",
            "{% set t %}{{ @ }}{% endset %}select '{{ t }}' as a, 'it' as b",
            "select concat('{{ @ }}', {{ @ | literal }}) as a, 'it' as b",
        ][place];
        let template = env(template);
        if let Ok(sql) = render(&template, &value) {
            let harmless = render(&template, "q").unwrap();
            prop_assert_eq!(shape(&sql), shape(&harmless), "{}", sql);
        }
    }
}
