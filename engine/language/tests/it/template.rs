//! Templates: what they render to, and what is wrong with them.

use crate::support::{check_problems, draw, good, options, pretty};
use engine_language::{
    load::load,
    world::{MemoryWorld, World},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One model `m` beside a few others, and what it renders to.
fn check(model: &str, expected: &str) {
    let fixture = format!("{BESIDE}//- project/models/m.sql\n{model}");
    let project = good(&fixture);
    assert_eq!(project.models["m"].rendered.sql, expected);
}

/// One model `m` beside a few others, and what is wrong with it.
fn check_wrong(model: &str, expected: &str) {
    check_problems(&format!("{BESIDE}{SINK}//- project/models/m.sql\n{VIEW}{model}"), expected);
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
const SINK: &str = "\
//- project/sources.toml
default_sink = 'marts'
[connections.db]
type = 'memory'
[sinks.marts]
connection = 'db'
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
    for (template, expected) in MISTAKES {
        check_wrong(template, expected);
    }
}

#[rustfmt::skip]
const MISTAKES: &[(&str, &str)] = &[
    (
        "select {{ ref('orders' }}",
        "E0100 project/models/m.sql:1:57 `}`: the template cannot be parsed: unexpected `}`, expected `,`",
    ),
    (
        "select {% if true %}1",
        "E0100 project/models/m.sql:1:54 `1`: the template cannot be parsed: unexpected end of input, expected end of block",
    ),
    (
        "{% test x() %}{% endtest %}",
        r"E0100 project/models/m.sql:1:37 `test`: the template cannot be parsed: unknown statement test
  help: blocks of dbt other than `macro` are not understood here",
    ),
    (
        "select {{ colum }}",
        "E0101 project/models/m.sql:1:44 `colum`: `colum` is not defined",
    ),
    (
        "select {{ orders.id }}",
        "E0101 project/models/m.sql:1:44 `orders.id`: `orders` is not defined",
    ),
    (
        "select {{ run.idd }}",
        r"E0101 project/models/m.sql:1:44 `run.idd`: `run` has no `idd`
  help: it has id, started_at, interval_start, interval_end
  fix: project/models/m.sql:1:48 `idd` -> `id` (a similar name exists)",
    ),
    (
        "{% set column = 1 %}select {{ colunm }}",
        r"E0101 project/models/m.sql:1:64 `colunm`: `colunm` is not defined
  fix: project/models/m.sql:1:64 `colunm` -> `column` (a similar name exists)",
    ),
    (
        "select {{ reff('orders') }}",
        r"E0102 project/models/m.sql:1:44 `reff('orders')`: there is no function or macro `reff`
  fix: project/models/m.sql:1:44 `reff` -> `ref` (a similar name exists)",
    ),
    (
        "select {{ cents_to_dolars('x') }}",
        r"E0102 project/models/m.sql:1:44 `cents_to_dolars('x')`: there is no function or macro `cents_to_dolars`
  fix: project/models/m.sql:1:44 `cents_to_dolars` -> `cents_to_dollars` (a similar name exists)",
    ),
    (
        "{% macro f() %}{{ return(1) }}{% endmacro %}select {{ f() }}",
        r"E0102 project/models/m.sql:1:52 `return(1)`: there is no function or macro `return`
  help: a macro's value is the text that it writes: write it without `return`",
    ),
    (
        "{% set r = run_query('select 1') %}select 1",
        r"E0102 project/models/m.sql:1:45 `run_query('select 1')`: there is no function or macro `run_query`
  help: a template cannot ask the database: it is rendered before anything runs",
    ),
    (
        "select {{ 'a' | uper }}",
        r"E0103 project/models/m.sql:1:50 `uper`: there is no filter `uper`
  fix: project/models/m.sql:1:50 `uper` -> `upper` (a similar name exists)",
    ),
    (
        "select {{ 1 if 1 is evn }}",
        r"E0103 project/models/m.sql:1:54 `evn`: there is no test `evn`
  fix: project/models/m.sql:1:54 `evn` -> `even` (a similar name exists)",
    ),
    (
        "select * from {{ source('shop') }}",
        "E0104 project/models/m.sql:1:51 `source('shop')`: `source` takes a source and a table, as in `source('shop', 'orders')`",
    ),
    (
        "select * from {{ ref() }}",
        "E0104 project/models/m.sql:1:51 `ref()`: `ref` takes the name of a model, as in `ref('orders')`",
    ),
    (
        "select {{ cents_to_dollars() }}",
        "E0101 project/macros/prices.sql:1:56 `column`: `column` is not defined",
    ),
    (
        "select {{ cents_to_dollars('a', 1, 2) }}",
        "E0104 project/models/m.sql:1:44 `cents_to_dollars('a', 1, 2)`: wrong arguments: too many arguments",
    ),
    (
        "{{ config('view') }}select 1",
        r#"E0104 project/models/m.sql:1:37 `config('view')`: `config` takes arguments by name, as in `config(materialized = "view")`"#,
    ),
    (
        "{{ config(checks=[not_null()]) }}select 1",
        "E0104 project/models/m.sql:1:52 `not_null()`: wrong arguments: missing argument",
    ),
    (
        "{{ config(checks=[not_null('a', severity='warning')]) }}select 1",
        "E0104 project/models/m.sql:1:52 `not_null('a', severity='warning')`: severity is `error` or `warn`, not warning",
    ),
    (
        "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
        r"E0105 project/models/m.sql:1:72 `range(9999)`: the template does not come to an end
  help: a loop in it goes over too many items, or a macro calls itself for ever",
    ),
    (
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}select {{ f(1) }}",
        "E0105 project/models/m.sql:1:53 `f(x)`: the template does not come to an end: a macro or include calls itself",
    ),
    (
        "{% include '../../etc/passwd' %}",
        "E0106 project/models/m.sql:1:37 `include '../../etc/passwd'`: a template may include files of `macros` and `models` only, not `../../etc/passwd`",
    ),
    (
        "{% include '/etc/passwd' %}",
        "E0106 project/models/m.sql:1:37 `include '/etc/passwd'`: a template may include files of `macros` and `models` only, not `/etc/passwd`",
    ),
    (
        "{% include 'sources.toml' %}",
        "E0106 project/models/m.sql:1:37 `include 'sources.toml'`: a template may include files of `macros` and `models` only, not `sources.toml`",
    ),
    (
        "{% import 'seeds/../../x' as x %}",
        "E0106 project/models/m.sql:1:37 `import 'seeds/../../x' as x`: a template may include files of `macros` and `models` only, not `seeds/../../x`",
    ),
    (
        "{% include 'macros/pices.sql' %}",
        r"E0107 project/models/m.sql:1:37 `include 'macros/pices.sql'`: there is no file `macros/pices.sql` to include
  help: name it by its path below the project, such as `macros/prices.sql`",
    ),
    (
        "select {{ exceptions.raise_compiler_error('pick a currency') }}",
        "E0108 project/models/m.sql:1:44 `exceptions.raise_compiler_error('pick a currency')`: pick a currency",
    ),
    (
        "select {{ var('regoin') | literal }}",
        r"E0109 project/models/m.sql:1:44 `var('regoin')`: there is no variable `regoin`
  help: give it in `[vars]` of sources.toml, by `--var regoin=…`, or write a default: `var('regoin', …)`",
    ),
    (
        "select {{ env_var('NOWHERE') | literal }}",
        r"E0110 project/models/m.sql:1:44 `env_var('NOWHERE')`: the environment has no variable `NOWHERE`
  help: set it, put it into `.env`, or write a default: `env_var('NOWHERE', …)`",
    ),
    (
        "{{ config(materialised='view') }}select 1",
        r"E0112 project/models/m.sql:1:44 `materialised`: `config` has no key `materialised`
  fix: project/models/m.sql:1:44 `materialised` -> `materialized` (a similar key exists)",
    ),
    (
        "{{ config(post_hook='drop table x') }}select 1",
        r"E0112 project/models/m.sql:1:44 `post_hook`: `post_hook` is not supported
  help: put the statement into a model of its own, or run it in the database",
    ),
    (
        "{{ config(schema='marts') }}select 1",
        r#"warning W0112 project/models/m.sql:1:44 `schema`: `schema` has no effect
  help: the sink says where a model is written: `config(sink = "…")`"#,
    ),
    (
        "{{ config(materialized='tabel') }}select 1",
        r#"E0113 project/models/m.sql:1:57 `'tabel'`: `materialized` cannot be `tabel`
  fix: project/models/m.sql:1:57 `'tabel'` -> `"table"` (a similar word is known)"#,
    ),
    (
        "{{ config(key=[1]) }}select 1",
        "E0113 project/models/m.sql:1:48 `[1]`: `key` must be a string or a list of strings, not a list",
    ),
    (
        "{{ config(tags=1) }}select 1",
        "E0113 project/models/m.sql:1:49 `1`: `tags` must be a string or a list of strings, not a whole number",
    ),
    (
        "{{ config(alias=true) }}select 1",
        "E0113 project/models/m.sql:1:50 `true`: `alias` must be a string, not a boolean",
    ),
    (
        "{{ config(full_refresh='no') }}select 1",
        "E0113 project/models/m.sql:1:57 `'no'`: `full_refresh` must be `true` or `false`, not a string",
    ),
    (
        "{{ config(on_schema_change='fial') }}select 1",
        r#"E0113 project/models/m.sql:1:61 `'fial'`: `on_schema_change` cannot be `fial`
  fix: project/models/m.sql:1:61 `'fial'` -> `"fail"` (a similar word is known)"#,
    ),
    (
        "{{ config(checks=['not_null']) }}select 1",
        r#"E0113 project/models/m.sql:1:52 `'not_null'`: a check is a call such as `not_null("id")`, not a string"#,
    ),
    (
        "{{ config(incremental_strategy='merge') }}select 1",
        r#"E0115 project/models/m.sql:1:65 `'merge'`: `merge` needs `key`: the columns that name a row
  help: write it into `config`, as in `key = ["id"]`"#,
    ),
    (
        "{{ config(materialized='history') }}select 1",
        r#"E0309 project/models/m.sql:1:4 `config(materialized='view')`: `materialized = "history"` is not built yet
  help: use `incremental` with a `key`"#,
    ),
    (
        "select {{ 1 + 'a' }}",
        "E0116 project/models/m.sql:1:44 `1 + 'a'`: tried to use + operator on unsupported types number and string",
    ),
    (
        "select {{ 1 // 0 }}",
        "E0116 project/models/m.sql:1:44 `1 // 0`: unable to calculate 1 // 0",
    ),
];

/// A world with a link that leads outside, and a file that is not UTF-8.
struct Odd(MemoryWorld);

impl World for Odd {
    fn read(&self, path: &Path) -> io::Result<Arc<str>> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("link.sql") => Err(io::ErrorKind::PermissionDenied.into()),
            Some("latin.sql") => Err(io::ErrorKind::InvalidData.into()),
            _ => self.0.read(path),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.list(folder)
    }

    fn env(&self, key: &str) -> Option<String> {
        self.0.env(key)
    }
}

#[test]
fn links_outside_and_other_encodings_are_refused() {
    let world = Odd(MemoryWorld::fixture(
        "\
//- project/macros/link.sql
//- project/models/latin.sql
//- project/models/m.sql
{{ config(materialized='view') }}select 1 as a {% include 'macros/link.sql' %}
//- project/models/n.sql
{{ config(materialized='view') }}select * from {{ ref('latin') }}
",
    ));
    let (project, problems) = load(&world, &options());
    pretty(
        &draw(&project, &problems),
        "E0001 project/macros/link.sql:1:1 ``: cannot read `project/macros/link.sql`: it may not be read, or is a link that leads outside
E0001 project/models/latin.sql:1:1 ``: cannot read `project/models/latin.sql`: it is not UTF-8
E0106 project/models/m.sql:1:51 `include 'macros/link.sql'`: a template may include files of `macros` and `models` only, not `macros/link.sql`",
    );
}

#[test]
fn files_of_the_project_can_be_included() {
    let project = good(&format!(
        "{BESIDE}\
//- project/macros/columns.sql
id, {{{{ cents_to_dollars('price') }}}} as price
//- project/models/sub/m.sql
{VIEW}select {{% include 'macros/columns.sql' %}} from {{{{ ref('orders') }}}}
//- project/models/sub/n.sql
{VIEW}{{% import '../../macros/prices.sql' as p %}}select {{{{ p.cents_to_dollars('x', 0) }}}} as x
"
    ));
    assert_eq!(project.models["m"].rendered.sql, "select id, round(price / 100, 2) as price from models.orders");
    assert_eq!(project.models["n"].rendered.sql, "select round(x / 100, 0) as x");
}

#[test]
fn a_macro_has_one_definition() {
    check_problems(
        "//- project/macros/a.sql\n{% macro f() %}1{% endmacro %}\n//- project/macros/b.sql\n{% macro f() %}2{% endmacro %}\n",
        "E0117 project/macros/b.sql:1:4 `macro f() %}2{% endmacro`: the macro `f` is defined twice
  project/macros/a.sql:1:1 ``: first in this file",
    );
}

#[test]
fn a_mistake_in_a_macro_is_told_there() {
    check_problems(
        "\
//- project/macros/a.sql
{% macro f(x) %}{{ x + y }}{% endmacro %}
//- project/macros/b.sql
{% macro broken( %}{% endmacro %}
//- project/models/m.sql
{{ config(materialized='view') }}select {{ f(1) }}
",
        "E0101 project/macros/a.sql:1:20 `x + y`: `x + y` uses a name that is not defined
E0100 project/macros/b.sql:1:18 `%`: the template cannot be parsed: unexpected `%`, expected identifier",
    );
}

#[test]
fn hostile_names_are_quoted() {
    let long = "x".repeat(64);
    for name in ["a\"b", "it's", "select", "Größe", "a b", "a;drop", "日本", "{{x}}", &long] {
        let project = good(&format!(
            "//- project/models/{name}.sql\n{VIEW}select 1 as id\n//- project/models/reader.sql\n{VIEW}select * from {{{{ ref({name:?}) }}}}\n"
        ));
        let quoted = engine_language::template::identifier(name);
        assert_eq!(project.models["reader"].rendered.sql, format!("select * from models.{quoted}"));
        assert_eq!(project.graph.order().len(), 2);
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
