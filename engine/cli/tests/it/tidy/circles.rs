//! No module knows one that knows it.

use super::{
    CRATES,
    paths::{Module, modules},
};
use std::collections::{BTreeMap, BTreeSet};

/// Folders whose files are one idea cut into pieces, and name each other: traits that speak of each other, the files of one
/// connector, functions that call each other for what stands inside. A folder in them is no part of a circle all the same.
const ONE_IDEA: [&str; 5] =
    ["connect/connectors/mysql", "connect/connectors/postgres", "connect/hub", "run/sql/statement", "run/sql/subquery"];

#[test]
fn no_module_knows_one_that_knows_it() {
    let mut circles = vec![];
    for of in CRATES {
        let modules = modules(of);
        for folder in folders(&modules) {
            let place = [&[of.to_owned()][..], folder].concat().join("/");
            let circle = circle(&modules, folder);
            if !ONE_IDEA.contains(&place.as_str()) || circle.keys().any(|module| is_folder(&modules, folder, module)) {
                circles.extend(circle.iter().map(|(module, others)| format!("{place}: {module} knows {others:?}")));
            }
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// The folders of a crate, its root among them.
fn folders(modules: &[Module]) -> BTreeSet<&[String]> {
    modules.iter().flat_map(|module| (0..module.path.len()).map(|depth| &module.path[..depth])).collect()
}

fn is_folder(modules: &[Module], folder: &[String], name: &str) -> bool {
    modules.iter().any(|Module { path, .. }| {
        path.len() > folder.len() + 1 && path.starts_with(folder) && path[folder.len()] == name
    })
}

/// What each file or folder of a folder knows of the others, as far as a circle goes through it.
fn circle<'a>(modules: &'a [Module], folder: &[String]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let depth = folder.len();
    let below = |path: &[String]| path.len() > depth && path.starts_with(folder);
    let inside = || modules.iter().filter(|module| below(&module.path));
    let all: BTreeSet<&str> = inside().map(|module| module.path[depth].as_str()).collect();
    let mut knows = BTreeMap::<&str, BTreeSet<&str>>::new();
    for module in inside() {
        let own = module.path[depth].as_str();
        let others = module.names.iter().filter(|path| below(path)).map(|path| path[depth].as_str());
        knows.entry(own).or_default().extend(others.filter(|other| all.contains(other) && *other != own));
    }
    // Whatever knows nothing that is left, or is known by nothing, is taken away, until only circles are.
    loop {
        let (known, before): (BTreeSet<&str>, _) = (knows.values().flatten().copied().collect(), knows.len());
        knows.retain(|module, others| known.contains(module) && !others.is_empty());
        if knows.len() == before {
            return knows;
        }
        let left: BTreeSet<&str> = knows.keys().copied().collect();
        for others in knows.values_mut() {
            others.retain(|other| left.contains(other));
        }
    }
}

#[test]
fn circles_are_found() {
    let found = |files: &[(&str, &str)], folder: &[&str]| -> Vec<String> {
        let modules: Vec<Module> = files.iter().map(|(file, text)| Module::of(file, text)).collect();
        let folder: Vec<String> = folder.iter().map(|part| (*part).to_owned()).collect();
        circle(&modules, &folder).into_keys().map(str::to_owned).collect()
    };
    let good = [
        ("top.rs", "use crate::{a::b::B, c};"),
        ("a/mod.rs", "use self::b::B;"),
        ("a/b.rs", "use super::A;\nuse crate::c::C;"),
        ("c.rs", "use std::fmt;"),
    ];
    assert_eq!(found(&good, &[]), [""; 0]);
    assert_eq!(found(&good, &["a"]), [""; 0]);
    let outside = [good[0], good[1], good[2], ("c.rs", "fn f() { crate::d::g() }"), ("d.rs", "use crate::a;")];
    assert_eq!(found(&outside, &[]), ["a", "c", "d"]);
    let inside = [good[0], good[1], ("a/b.rs", "use super::{e::E, A};"), ("a/e.rs", "use crate::a::b;"), good[3]];
    assert_eq!(found(&inside, &[]), [""; 0]);
    assert_eq!(found(&inside, &["a"]), ["b", "e"]);
}
