//! What an edit changed, by comparing two readings of a project.

use engine_language::{files::FileId, graph::NodeId, name::Name, project::Project};
use engine_run::reuse::definition::Definitions;
use std::{collections::BTreeSet, path::Path};

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Nodes that say something else, or are new.
    pub nodes: BTreeSet<NodeId>,
    /// Models whose tests may say something else: their own text changed, or that of a unit test.
    pub tests: BTreeSet<Name>,
}

/// Compares what all nodes say, as runs do: a node that says the same over other systems says something else.
pub fn changed(before: &Project, after: &Project) -> Changed {
    let (said, says) = (Definitions::of(before), Definitions::of(after));
    let differs = |node: &&NodeId| said.get(node) != says.get(node) || !before.graph.nodes.contains_key(*node);
    let nodes: BTreeSet<NodeId> = after.graph.nodes.keys().filter(differs).cloned().collect();
    let mut tests = tests(before, after);
    tests.extend(nodes.iter().filter_map(|id| id.model().cloned()));
    Changed { nodes, tests }
}

/// Models whose tests stand in a file that holds something else.
fn tests(before: &Project, after: &Project) -> BTreeSet<Name> {
    let moved = |file: FileId| {
        let path = after.files.path(file);
        path.to_str().is_none_or(|path| text(before, path) != text(after, path))
    };
    after.unit_tests.iter().filter(|test| moved(test.name.span.file)).map(|test| test.model.value.clone()).collect()
}

fn text<'a>(project: &'a Project, path: &str) -> Option<&'a str> {
    let (file, _) = project.files.iter().find(|(_, other)| *other == Path::new(path))?;
    Some(project.files.text(file))
}

#[cfg(test)]
mod tests_of_it {
    use super::changed;
    use engine_language::{
        load::{LoadOptions, load},
        project::Project,
        template::RunInfo,
        world::MemoryWorld,
    };
    use std::collections::BTreeMap;

    const PROJECT: &str = "\
//- project/sources.toml
//- project/macros/m.sql
{% macro one() %}1{% endmacro %}
//- project/models/a.sql
select {{ one() }} as n
//- project/models/b.sql
select n from {{ ref('a') }}
//- project/seeds/s.csv
x
1
";

    fn project(text: &str) -> Project {
        let options =
            LoadOptions { target: None, vars: BTreeMap::new(), run: RunInfo::NONE, discovered: BTreeMap::new() };
        load(&MemoryWorld::fixture(text), &options).0
    }

    #[test]
    fn only_what_says_something_else_has_changed() {
        let before = project(PROJECT);
        let nodes = |from: &str, to: &str| -> Vec<String> {
            let after = project(&PROJECT.replace(from, to));
            changed(&before, &after).nodes.iter().map(ToString::to_string).collect()
        };
        assert!(nodes("select n", "-- words\nselect  n").is_empty(), "comments and spaces");
        assert_eq!(nodes("select n", "select n, 2 as m"), ["model.b"]);
        assert_eq!(nodes("%}1{%", "%}2{%"), ["model.a"], "a macro");
        assert_eq!(nodes("x\n1", "x\n2"), ["seed.s"]);
        assert!(
            nodes("//- project/macros", "[vars]\nx = 1\n//- project/macros").is_empty(),
            "a variable that nobody reads"
        );
    }

    #[test]
    fn a_model_is_tested_again_when_it_or_its_tests_change() {
        let unit = "//- project/tests/t.toml\n[t]\nmodel = \"b\"\ngiven = { a = [{ n = 1 }] }\nexpect = [{ n = 1 }]\n";
        let with = |text: &str| project(&(text.to_owned() + unit));
        let before = with(PROJECT);
        let tests = |after: &Project| -> Vec<String> {
            changed(&before, after).tests.iter().map(ToString::to_string).collect()
        };
        assert!(tests(&with(PROJECT)).is_empty());
        assert_eq!(tests(&with(&PROJECT.replace("select n", "select n + 1 as n"))), ["b"], "a model");
        assert_eq!(tests(&with(&PROJECT.replace("%}1{%", "%}2{%"))), ["a"], "a macro");
        assert_eq!(tests(&project(&(PROJECT.to_owned() + &unit.replace("n = 1", "n = 2")))), ["b"], "a unit test");
    }
}
