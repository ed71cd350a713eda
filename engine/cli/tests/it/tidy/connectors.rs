//! Connectors know the shelves below them, and nobody knows a connector.

use super::{
    each, engine,
    paths::{Module, modules},
};
use std::fs;

/// The folders of engine/connect, and what each may know besides itself.
const MAY_KNOW: [(&str, &[&str]); 5] = [
    ("arrow", &[]),
    ("hub", &["arrow"]),
    ("format", &["hub", "arrow"]),
    ("sql", &["hub", "arrow"]),
    ("connectors", &["hub", "arrow", "format", "sql"]),
];

#[test]
fn the_folders_of_connect_know_only_those_below() {
    let wrong: Vec<String> = modules("connect").iter().filter_map(strange).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a module of engine/connect names and may not.
fn strange(module: &Module) -> Option<String> {
    let folder = module.path.first()?;
    let Some((_, known)) = MAY_KNOW.iter().find(|(name, _)| name == folder) else {
        return Some(format!("{folder} is no folder that engine/connect is laid out in"));
    };
    let allowed = |path: &&Vec<String>| match path.first() {
        Some(first) if first == folder => {
            folder != "connectors" || module.path.len() < 2 || path.get(1) == module.path.get(1)
        }
        Some(first) => known.contains(&first.as_str()),
        None => true,
    };
    let path = module.names.iter().find(|path| !allowed(path))?;
    Some(format!("{} may not know {}", module.path.join("/"), path.join("::")))
}

#[test]
fn what_a_connector_may_not_know_is_found() {
    let wrong = |file: &str, text: &str| strange(&Module::of(file, text)).is_some();
    assert!(!wrong(
        "connectors/a/read.rs",
        "use super::A;\nuse crate::{arrow::types, connectors::a::B, hub, sql::quote};"
    ));
    assert!(!wrong("connectors/mod.rs", "use crate::{connectors::a::A, hub::registry};"));
    assert!(wrong("connectors/a/read.rs", "use crate::{\n    hub,\n    connectors::{a::B, b::C},\n};"));
    assert!(wrong("connectors/a/mod.rs", "use super::b;"));
    assert!(wrong("connectors/a/mod.rs", "fn f() { crate::tools::f() }"));
    assert!(wrong("hub/source.rs", "use crate::format::json;"));
    assert!(wrong("format/json.rs", "use crate::connectors::a::A;"));
    assert!(wrong("tools.rs", ""));
}

#[test]
fn only_its_folder_names_a_driver() {
    let drivers = [
        ("sqlx::", &["connect/src/connectors/postgres/", "connect/src/connectors/mysql/"][..]),
        ("rusqlite::", &["connect/src/connectors/sqlite/", "run/src/history/"]),
        ("rdkafka::", &["connect/src/connectors/kafka/"]),
    ];
    each(|path, text| {
        let path = path.to_str()?;
        let tests = ["/tests/", "/benches/", "/examples/"].iter().any(|outside| path.contains(outside));
        let strange = |(driver, folders): &&(&str, &[&str])| {
            text.contains(*driver) && !tests && !folders.iter().any(|folder| path.contains(folder))
        };
        drivers.iter().find(strange).map(|(driver, _)| format!("names the driver `{driver}` outside its folder"))
    });
}

/// The folders with a connector in each.
pub fn connectors() -> Vec<String> {
    let all = fs::read_dir(engine().join("connect/src/connectors")).unwrap();
    let folders = all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let names: Vec<String> = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() >= 5, "{names:?}");
    names
}
