//! Selections: what they name, and what is wrong with them.

use crate::support::{good, pretty, project};
use engine_language::{id::NodeId, project::Project, select::select};

/// a → b → c → d, a → x; seed s → b.
const CHAIN: &str = "\
//- project/seeds/s.csv
id
1
//- project/models/staging/a.sql
{{ config(materialized='view', tags=['first', 'daily']) }}select 1 as id
//- project/models/staging/b.sql
{{ config(materialized='view', tags=['daily']) }}select a.id from {{ ref('a') }} as a join {{ ref('s') }} as s on a.id = s.id
//- project/models/marts/c.sql
{{ config(materialized='ephemeral') }}select * from {{ ref('b') }}
//- project/models/marts/d.sql
{{ config(materialized='view') }}select * from {{ ref('c') }}
//- project/models/x.sql
{{ config(materialized='view') }}select * from {{ ref('a') }}
//- project/models/weird name.sql
{{ config(materialized='view') }}select 1 as id
//- project/tests/t.sql
select * from {{ ref('d') }} where id is null
";

fn names(project: &Project, include: &str, exclude: &str) -> String {
    let split = |text: &str| text.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    match select(project, &split(include), &split(exclude)) {
        Ok(nodes) => nodes.iter().map(NodeId::name).collect::<Vec<_>>().join(" "),
        Err(d) => format!("{} {} ({})", d.code.id, d.message, d.hints.join("; ")),
    }
}

#[test]
fn selections_name_nodes() {
    let project = good(CHAIN);
    for (include, exclude, expected) in [
        ("", "", "s a b c d weird name x t"),
        ("b", "", "b"),
        ("+b", "", "s a b"),
        ("b+", "", "b c d t"),
        ("1+c", "", "b c"),
        ("b+1", "", "b c"),
        ("1+c+1", "", "b c d"),
        ("+c+1", "", "s a b c d"),
        ("@b", "", "s a b c d t"),
        ("@x", "", "a x"),
        ("a|d", "", "a d"),
        ("a d", "", "a d"),
        ("+c,tag:daily", "", "a b"),
        ("tag:daily", "tag:first", "b"),
        ("tag:d*", "", "a b"),
        ("path:models/staging", "", "a b"),
        ("path:project/models/marts", "", "c d"),
        ("models/marts", "", "c d"),
        ("path:models/marts/c.sql+", "", "c d t"),
        ("file:c.sql", "", "c"),
        ("config.materialized:ephemeral", "", "c"),
        ("resource_type:test", "", "t"),
        ("test:t", "", "t"),
        ("seed:s", "", "s"),
        ("weird name", "", "weird name"),
        ("?", "", "s a b c d x t"),
        ("", "*", "E0430 the project has nothing to select (`engine ls` shows what there is)"),
        ("a", "a", "E0430 `a` selects nothing (`engine ls` shows what there is)"),
        ("tag:first,tag:second", "", "E0431 no tag is called `second` (`engine ls` shows what there is)"),
        ("tag:dialy", "", "E0431 no tag is called `dialy` (a similar name is `daily`)"),
        ("path:models/stagin", "", "E0431 no path is called `models/stagin` (a similar name is `models/staging`)"),
        ("wierd_name+", "", "E0431 no node is called `wierd_name` (a similar name is `weird name`)"),
        ("a", "bbbbbb", "E0431 no node is called `bbbbbb` (`engine ls` shows what there is)"),
        ("tga:daily", "", "E0432 there is no method `tga:` (a similar one is `tag:`)"),
        (
            "+",
            "",
            "E0432 `+` cannot be read as a selection: it names nothing (it looks like `name`, `+name`, `name+`, \
             `2+name+1`, `@name` or `tag:x`)",
        ),
        (
            "@a+",
            "",
            "E0432 `@a+` cannot be read as a selection: `@` stands alone, without `+` (it looks like `name`, `+name`, \
             `name+`, `2+name+1`, `@name` or `tag:x`)",
        ),
        (
            "[a",
            "",
            "E0432 `[a` is no glob: unclosed character class; missing ']' (`*` stands for any text, `?` for one character)",
        ),
        (
            "state:modified+",
            "",
            "E0433 `state:` compares with the artifacts of an earlier run, and is not supported yet (name the nodes, or \
             use `tag:` or `path:`)",
        ),
        (
            "result:error",
            "",
            "E0433 `result:` compares with the artifacts of an earlier run, and is not supported yet (name the nodes, or \
             use `tag:` or `path:`)",
        ),
    ] {
        pretty(&names(&project, include, exclude), expected);
    }
}

#[test]
fn an_empty_project_has_nothing_to_select() {
    let (project, _) = project("");
    assert!(names(&project, "", "").starts_with("E0430 "));
}

#[test]
fn names_with_separators_are_selected_as_they_are() {
    let project = good(
        "//- project/sources.toml
[connections.c]
type = \"sqlite\"
[sources.\"my src\"]
connection = \"c\"
[sources.\"my src\".tables.'or\"ders']
[sources.\"a.b\"]
connection = \"c\"
[sources.\"a.b\".tables.\"c,d\"]
//- project/models/x+.sql
{{ config(materialized='view', tags=['two words']) }}select * from {{ source('my src', 'or\"ders') }}
//- project/models/source:y z.sql
{{ config(materialized='view') }}select * from {{ ref('x+') }}
",
    );
    for (typed, expected) in [
        ("source:my src.or\"ders", "my src.or\"ders"),
        ("source:my src.or\"ders+1", "my src.or\"ders x+"),
        ("source:my src", "my src.or\"ders"),
        ("my src.or\"ders", "my src.or\"ders"),
        ("source:a.b.c,d", "\"a.b\".c,d"),
        ("source:\"a.b\".c,d", "\"a.b\".c,d"),
        ("source:a.b", "\"a.b\".c,d"),
        ("x+", "x+"),
        ("+x+", "my src.or\"ders x+"),
        ("x++", "source:y z x+"),
        ("source:y z", "source:y z"),
        ("1+source:y z", "source:y z x+"),
        ("tag:two words+", "source:y z x+"),
        ("x+ source:my*", "my src.or\"ders x+"),
    ] {
        assert_eq!(names(&project, typed, ""), expected, "{typed}");
    }
}
