//! ARCHITECTURE.md names what is there, and the faces of the program know what it says.

use super::{connectors::connectors, engine, paths::modules};
use std::{fs, path::PathBuf};

/// What ARCHITECTURE.md does not name of the folders and, in engine/language, the files of a crate.
fn missing(map: &str, entries: &[(String, bool)]) -> Vec<String> {
    let named = |(name, folder): &(String, bool)| {
        map.contains(&format!("`{name}`")) || *folder && map.contains(&format!("`{name}/`"))
    };
    entries.iter().filter(|entry| !named(entry)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn the_map_names_what_is_there() {
    let map = fs::read_to_string(engine().join("../ARCHITECTURE.md")).unwrap();
    // In engine/language each file at the top is an idea of its own; in the others only folders are named.
    for (of, files) in [("language", true), ("connect", false), ("run", false), ("cli", false)] {
        let entries = fs::read_dir(engine().join(of).join("src")).unwrap().map(|entry| entry.unwrap().path());
        let is_named = |path: &PathBuf| match fs::read_dir(path) {
            Ok(mut inside) => inside.next().is_some(),
            Err(_) => files && !path.ends_with("lib.rs"),
        };
        let entries = entries.filter(is_named);
        let entries = entries.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path.is_dir()));
        let missing = missing(&map, &entries.collect::<Vec<_>>());
        assert!(missing.is_empty(), "ARCHITECTURE.md does not know engine/{of}/src/{missing:?}");
    }
    let connectors: Vec<_> = connectors().into_iter().map(|name| (name, false)).collect();
    assert!(missing(&map, &connectors).is_empty(), "ARCHITECTURE.md does not know the connectors {connectors:?}");
}

#[test]
fn what_the_map_does_not_name_is_found() {
    let entry = |name: &str, folder| (name.to_owned(), folder);
    let map = "| `hub/` `id` | … |";
    assert_eq!(missing(map, &[entry("hub", true), entry("id", false)]), [""; 0]);
    assert_eq!(missing(map, &[entry("hub", false), entry("sql", true)]), ["hub", "sql"]);
}

#[test]
fn pages_and_the_api_only_know_views() {
    const PAGES: [&str; 8] = ["auth", "form", "format", "http_error", "layout", "request", "response", "view"];
    const API: [&str; 5] = ["auth", "http_error", "request", "response", "view"];
    for module in modules("cli") {
        let known = match module.path.get(..2) {
            Some([web, pages]) if web == "web" && pages == "pages" => &PAGES[..],
            Some([web, api]) if web == "web" && api == "api" => &API[..],
            _ => continue,
        };
        for path in module.names.iter().filter(|path| path.first().is_some_and(|part| part == "web")) {
            let other = path.get(1).map_or("", String::as_str);
            let own = module.path.get(1).is_some_and(|own| own == other);
            assert!(known.contains(&other) || own, "{:?} knows {path:?}", module.path);
        }
    }
}
