//! The graph: what stands before what, and what is wrong with references.

use crate::support::{check_problems, good, pretty, run};
use engine_language::project::Project;
use std::fmt::Write;

const SHOP: &str = "\
//- project/sources.toml
default_sink = 'marts'
[connections.shop]
type = 'memory'
[connections.replica]
type = 'memory'
[connections.lake]
type = 'memory'
[sources.shop]
connection = 'shop'
[sources.shop.tables]
orders = { columns = { id = 'int' } }
users = {}
users-data = {}
[sources.lake]
connection = 'lake'
[sinks.marts]
connection = 'replica'
[sinks.shop]
connection = 'shop'
[replications.replica]
from = 'shop'
to = 'replica'
tables = ['orders', 'us*']
";

const GENERATORS: &str = "\
//- project/generators.toml
seed = 1
[users]
into = 'shop.users'
rows = 5
[users.columns]
user_id = { type = 'int', sequence = 1, key = true }
[orders]
into = 'shop.orders'
rows = 5
[orders.columns]
user_id = { references = 'users.user_id' }
[lines]
per = 'orders'
rows = [1, 2]
[lines.columns]
n = { type = 'int', sequence = 1 }
";

/// Each node with what it reads.
fn edges(project: &Project) -> String {
    let mut out = String::new();
    for id in project.graph.order() {
        let parents = project.graph.parents.get(&id).into_iter().flatten().map(ToString::to_string);
        writeln!(out, "{id} <- {}", parents.collect::<Vec<_>>().join(" ")).unwrap();
    }
    out
}

fn check(files: &str, expected: &str) {
    check_problems(&format!("{SHOP}{files}"), expected);
}

fn model(sql: &str) -> String {
    format!("//- project/models/m.sql\n{sql}\n")
}

#[test]
fn a_project_becomes_a_graph() {
    let project = good(&format!(
        "{SHOP}{GENERATORS}\
//- project/models/new_users.sql
{{{{ config(sink='shop', alias='users', strategy='append', materialized='incremental') }}}}select * from {{{{ source('shop', 'users-data') }}}}
//- project/models/mart.sql
{{{{ config(checks=[relationships('user_id', to='replica.users', field='user_id')]) }}}}select * from {{{{ ref('replica.orders') }}}}
//- project/models/lake.sql
select * from {{{{ source('lake', 'any thing') }}}}
//- project/tests/nothing.sql
select * from {{{{ ref('mart') }}}} where user_id is null
"
    ));
    pretty(
        &edges(&project),
        "\
generator.users <- 
generator.orders <- generator.users
generator.lines <- generator.orders
source.lake.any thing <- 
source.shop.orders <- generator.orders
source.shop.users-data <- 
replication.replica.orders <- source.shop.orders
replication.replica.users-data <- source.shop.users-data
model.lake <- source.lake.any thing
model.new_users <- generator.users source.shop.users-data
source.shop.users <- generator.users model.new_users
replication.replica.users <- source.shop.users
model.mart <- replication.replica.orders replication.replica.users
test.nothing <- model.mart",
    );
}

#[test]
fn references_to_nothing_name_the_nearest() {
    check(
        &model("select * from {{ ref('replica.ordesr') }}"),
        "E0422 project/models/m.sql:1:18 `ref('replica.ordesr')`: replication `replica` copies no table `ordesr`
  project/sources.toml:20:15 `replica`: it is defined here
  fix: project/models/m.sql:1:31 `ordesr` -> `orders` (a table with a similar name is copied)",
    );
    check(
        &model("select * from {{ source('shop', 'ordesr') }}"),
        "E0422 project/models/m.sql:1:18 `source('shop', 'ordesr')`: source `shop` has no table `ordesr`
  fix: project/models/m.sql:1:34 `ordesr` -> `orders` (a table with a similar name exists)",
    );
    check(
        &model("select * from {{ source('shpo', 'orders') }}"),
        "E0421 project/models/m.sql:1:18 `source('shpo', 'orders')`: there is no source `shpo`
  fix: project/models/m.sql:1:26 `shpo` -> `shop` (a source with a similar name exists)",
    );
    check(
        &(model("select * from {{ ref('other') }}") + "//- project/models/others.sql\nselect 1 as id"),
        "E0420 project/models/m.sql:1:18 `ref('other')`: there is no model `other`
  fix: project/models/m.sql:1:23 `other` -> `others` (a model with a similar name exists)",
    );
    check(
        &model("select * from {{ ref('shop.orders') }}"),
        "E0420 project/models/m.sql:1:18 `ref('shop.orders')`: there is no model `shop.orders`
  help: it is a table of a source: `source('shop', 'orders')`",
    );
    check(
        &(model("select * from {{ ref('off') }}") + "//- project/models/off.sql\n{{ config(enabled=false) }}select 1"),
        "E0420 project/models/m.sql:1:18 `ref('off')`: the model `off` is not enabled
  help: take `enabled = false` out of its `config`",
    );
    check(
        &model("{{ config(sink='mart') }}select 1 as id"),
        "E0423 project/models/m.sql:1:16 `'mart'`: there is no sink `mart`
  fix: project/models/m.sql:1:17 `mart` -> `marts` (a sink with a similar name exists)",
    );
    check(
        &model("{{ config(checks=[relationships('a', to='replica.user')]) }}select 1 as a"),
        "E0420 project/models/m.sql:1:19 `relationships('a', to='replica.user')`: there is no model `replica.user`
  fix: project/models/m.sql:1:42 `replica.user` -> `replica.users` (a model with a similar name exists)",
    );
}

#[test]
fn what_reads_a_broken_model_is_not_blamed() {
    check(
        &(model("select * from {{ ref('broken') }}") + "//- project/models/broken.sql\nselect {{ x }}"),
        "E0101 project/models/broken.sql:1:11 `x`: `x` is not defined",
    );
}

#[test]
fn a_cycle_is_named_by_its_whole_path() {
    check(
        "\
//- project/models/a.sql
select * from {{ ref('c') }}
//- project/models/b.sql
select * from {{ ref('a') }}
//- project/models/c.sql
select * from {{ ref('b') }}
//- project/models/d.sql
select * from {{ ref('d') }}
//- project/models/e.sql
select * from {{ ref('a') }} join {{ ref('d') }} using (id)
",
        "E0424 project/models/a.sql:1:18 `ref('c')`: these depend on each other: a → c → b → a
  label: `a` reads `c`
  project/models/c.sql:1:18 `ref('b')`: `c` reads `b`
  project/models/b.sql:1:18 `ref('a')`: `b` reads `a`
  help: one of them has to do without the other
E0424 project/models/d.sql:1:18 `ref('d')`: these depend on each other: d → d
  label: `d` reads `d`
  help: one of them has to do without the other",
    );
}

#[test]
fn a_model_that_writes_what_it_reads_is_a_cycle() {
    check(
        &model("{{ config(sink='shop', alias='orders') }}select * from {{ source('shop', 'orders') }}"),
        "E0424 project/models/m.sql:1:30 `'orders'`: these depend on each other: shop.orders → m → shop.orders
  label: `shop.orders` reads `m`
  project/models/m.sql:1:59 `source('shop', 'orders')`: `m` reads `shop.orders`
  help: one of them has to do without the other",
    );
}

#[test]
fn names_and_tables_are_told_apart() {
    check(
        "\
//- project/models/north/a.sql
select 1 as id
//- project/models/south/a.sql
select 2 as id
",
        "E0425 project/models/south/a.sql:1:1 ``: there are two files named `a`; names are unique, whatever the folder
  project/models/north/a.sql:1:1 ``: the other one
  help: rename one of the two files",
    );
    check(
        "//- project/models/a.sql\nselect 1 as id\n//- project/seeds/a.csv\nid\n1\n",
        "E0426 project/models/a.sql:1:1 ``: `a` is both a model and a seed, so `ref('a')` could mean either
  project/seeds/a.csv:1:1 ``: the seed
  help: rename one of the two files",
    );
    check(
        &model("{{ config(alias='orders') }}select 1 as id"),
        "E0434 project/models/m.sql:1:17 `'orders'`: `replication.replica.orders` and `model.m` both write table `orders` of \
         connection `replica`
  project/sources.toml:20:15 `replica`: `replication.replica.orders` writes it too
  help: give one of them another `alias` or sink",
    );
    let long = "x".repeat(65);
    check(
        &format!("//- project/models/{long}.sql\nselect 1 as id\n"),
        &format!(
            "E0425 project/models/{long}.sql:1:1 ``: the file name `{long}` cannot be used: a name has at most 64 characters
  help: rename the file"
        ),
    );
}

#[test]
fn sources_and_replications_are_checked() {
    let toml = |text: &str| SHOP.replace("tables = ['orders', 'us*']\n", text);
    check_problems(
        &toml("tables = ['order']\n"),
        "E0427 project/sources.toml:23:11 `'order'`: source `shop` has no table that is `order`
  fix: project/sources.toml:23:11 `'order'` -> `\"orders\"` (a table with a similar name exists)",
    );
    check_problems(
        &toml("tables = ['[a']\n"),
        "E0427 project/sources.toml:23:11 `'[a'`: `[a` is no glob
  help: write `*` for all tables",
    );
    check_problems(
        &toml("tables = ['*']\n[sources.models]\nconnection = 'lake'\n[replications.lake]\nfrom = 'lake'\nto = 'replica'\ntables = ['*']\n"),
        "E0429 project/sources.toml:14:10 `lake`: `lake` is both a source and a replication, so `lake.table` could mean either
  project/sources.toml:26:15 `lake`: the replication
  help: rename one of the two
E0429 project/sources.toml:24:10 `models`: a source cannot be called `models`: that is where models stand in SQL
  help: give it another name",
    );
    check_problems(
        &(toml("tables = ['*']\n").replace("default_sink = 'marts'\n", "") + &model("select 1 as id")),
        "E0428 project/models/m.sql:1:1 ``: model `m` has no sink to be written to
  help: name one: `config(sink = \"…\")`, or `default_sink = \"…\"` in sources.toml",
    );
}

#[test]
fn what_tests_schedules_and_checks_name_is_there() {
    let reads = model("{{ config(checks=[expression('a >')]) }}select * from {{ ref('replica.orders') }}");
    check(
        &(reads
            + "\
//- project/tests/u.toml
[a]
model = 'n'
expect = []
[b]
model = 'm'
given.orders = [{ id = 1 }]
expect = []
[c]
model = 'm'
given.'replica.orders' = [{ id = 1 }]
expect = []
//- project/schedules.toml
[s]
every = '10m'
select = ['m+', 'replica.*+', 'replca.orders', 'state:modified']
"),
        "E0205 project/models/m.sql:1:19 `expression('a >')`: the check cannot be parsed: expected: an expression, found: EOF
  help: it is a condition over the model's columns, such as `expression(\"total >= 0\")`
E0431 project/schedules.toml:3:31 `'replca.orders'`: no node is called `replca.orders`
  help: a similar name is `replica.orders`
E0433 project/schedules.toml:3:48 `'state:modified'`: `state:` compares with the artifacts of an earlier run, and is not \
         supported yet
  help: name the nodes, or use `tag:` or `path:`
E0435 project/tests/u.toml:2:9 `'n'`: there is no model `n` to test
  fix: project/tests/u.toml:2:9 `'n'` -> `\"m\"` (a model with a similar name exists)
E0436 project/tests/u.toml:6:16 `[{ id = 1 }]`: `m` does not read `orders`
  help: it reads replica.orders",
    );
}

#[test]
fn a_typed_query_is_checked_like_a_model() {
    let mut project = good(&format!("{SHOP}{}", model("select * from {{ ref('replica.orders') }}")));
    let rendered = project.query("select count(*) from {{ ref('m') }}", &run()).unwrap();
    assert_eq!(rendered.sql, "select count(*) from models.m");
    for (text, expected) in [
        ("select * from {{ ref('n') }}", "E0420 there is no model `n`"),
        ("select * from {{ source('shop', 'nothing') }}", "E0422 source `shop` has no table `nothing`"),
        ("select * from m", "E0204 table `m` is named without `ref` or `source`"),
        ("select {{ x }}", "E0101 `x` is not defined"),
        ("drop table m", "E0203 `drop` is no query"),
    ] {
        let problems = project.query(text, &run()).unwrap_err();
        assert_eq!(format!("{} {}", problems[0].code.id, problems[0].message), expected);
    }
}

#[test]
fn a_source_of_which_only_facts_are_known_may_have_any_table() {
    let toml = SHOP
        .replace("orders = { columns = { id = 'int' } }", "orders = {}")
        .replace("tables = ['orders', 'us*']", "tables = ['*']");
    let project = good(&format!(
        "{toml}{}",
        model("select * from {{ source('shop', 'new') }} join {{ ref('replica.newer') }} using (id)")
    ));
    pretty(
        &edges(&project),
        "\
source.shop.new <- 
source.shop.newer <- 
source.shop.orders <- 
source.shop.users <- 
source.shop.users-data <- 
replication.replica.newer <- source.shop.newer
replication.replica.orders <- source.shop.orders
replication.replica.users <- source.shop.users
replication.replica.users-data <- source.shop.users-data
model.m <- source.shop.new replication.replica.newer",
    );
}
