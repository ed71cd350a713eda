//! One mistake is one complaint: nothing is said of what only follows from it. And `check` says what a run would refuse.

use crate::support::{check_problems, options, project};
use engine_language::{config::toml::ValueKind, id::NodeId, load::load, world::MemoryWorld};

/// A replication of a shop, and models that read copies, a source and each other.
fn shop(from: &str, to: &str) -> String {
    let text = "\
//- project/sources.toml
default_sink = \"out\"
[connections.db]
type = \"memory\"
[connections.out]
type = \"memory\"
[sources.shop]
connection = \"db\"
[sinks.out]
connection = \"out\"
[replications.replica]
from = \"shop\"
to = \"out\"
tables = [\"*\"]
mode = \"full\"
//- project/schedules.toml
[all]
every = \"1h\"
select = [\"replica.*+\"]
//- project/models/a.sql
{{ config(sink = \"out\") }}select 1 as id from {{ ref('replica.orders') }} join {{ ref('replica.users') }} using (id)
//- project/models/b.sql
{{ config(checks = [relationships('id', to = 'replica.users', field = 'id')]) }}select id from {{ ref('a') }}
//- project/models/c.sql
select id from {{ source('shop', 'items') }}
";
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn what_cannot_be_read_is_complained_of_once() {
    check_problems(&shop("mode = \"full\"", "mode = \"full\""), "");
    for (from, to, code) in [
        ("mode = \"full\"", "mode = \"ful\"", "E0005"),
        ("tables = [\"*\"]", "tables = [\"*\"", "E0002"),
        ("[sinks.out]", "[sinks.out", "E0002"),
        ("[sources.shop]\nconnection = \"db\"", "[sources.shop]\nconnection = 1", "E0005"),
        ("[sinks.out]\nconnection = \"out\"", "[sinks.out]\nconnection = 1", "E0005"),
        ("[connections.db]\ntype = \"memory\"", "[connections.db]\ntype = 1", "E0005"),
    ] {
        let (_, problems) = project(&shop(from, to));
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.id).collect();
        assert_eq!(codes, [code], "{to}: {problems:?}");
    }
}

#[test]
fn what_a_run_would_refuse_is_complained_of() {
    for (from, to, code) in [
        ("mode = \"full\"", "mode = \"cdc\"", "E0309"),
        ("every = \"1h\"", "cron = \"0 0 31 2 *\"", "E0010"),
        ("default_sink = \"out\"", "default_sink = \"out\"\ndefault_target = \"prod\"", "E0006"),
        ("{{ config(sink = \"out\") }}", "{{ config(materialized = \"history\", key = [\"id\"]) }}", "E0309"),
    ] {
        let (_, problems) = project(&shop(from, to));
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.id).collect();
        assert_eq!(codes, [code], "{to}: {problems:?}");
    }
    check_problems(&shop("every = \"1h\"", "cron = \"0 0 29 2 *\""), "");
}

#[test]
fn a_model_may_not_write_what_its_own_replication_copies() {
    let writes = "{{ config(sink = \"db\", alias = \"summary\") }}";
    let fixture = shop("{{ config(sink = \"out\") }}", writes)
        .replace("[sinks.out]", "[sources.shop.tables.summary]\n[sinks.db]\nconnection = \"db\"\n[sinks.out]");
    check_problems(
        &fixture,
        "E0424 project/models/a.sql:1:32 `\"summary\"`: these depend on each other: shop.summary → a → replica.* → shop.summary
  label: `shop.summary` reads `a`
  project/models/a.sql:1:68 `ref('replica.orders')`: `a` reads `replica.*`
  project/sources.toml:16:11 `\"*\"`: `replica.*` reads `shop.summary`
  help: the tables of a replication are copied together, as of one instant: copy what a model writes by a replication of its own",
    );
    let own = "mode = \"full\"\n[replications.back]\nfrom = \"shop\"\nto = \"out\"\ntables = [\"summary\"]";
    let fixture =
        fixture.replace("mode = \"full\"", own).replace("tables = [\"*\"]", "tables = [\"orders\", \"users\"]");
    let (project, problems) = project(&fixture);
    assert!(problems.is_empty(), "{problems:?}");
    let order = project.graph.order();
    let at = |id: &NodeId| order.iter().position(|other| other == id);
    assert!(at(&NodeId::copy("replica", "orders")) < at(&NodeId::copy("back", "summary")));
}

#[test]
fn typed_variables_are_values() {
    let typed = |text: &str| {
        let mut options = options();
        options.vars.insert("v".into(), text.into());
        let (project, _) = load(&MemoryWorld::fixture("//- readme.md\n"), &options);
        project.vars["v"].kind.clone()
    };
    assert_eq!(typed("1"), ValueKind::Integer(1));
    assert_eq!(typed("-2.5"), ValueKind::Float(-2.5));
    assert_eq!(typed("false"), ValueKind::Boolean(false));
    assert_eq!(typed("\"1\""), ValueKind::String("1".into()));
    assert_eq!(typed("2026-01-02"), ValueKind::Datetime("2026-01-02".into()));
    assert!(matches!(typed("[1, 'a']"), ValueKind::Array(items) if items.len() == 2));
    for text in ["", "on", "a b", "01067", "nan", "inf", "1\nx = 2", "1 # one", "\"open", "a = 1"] {
        assert_eq!(typed(text), ValueKind::String(text.into()), "{text}");
    }
}
