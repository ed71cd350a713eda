//! What CONTRIBUTING.md asks of every file.

use engine_language::code;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The Rust files of the workspace with their text, tests included.
fn files() -> Vec<(PathBuf, String)> {
    let files = ending_in("rs");
    assert!(files.len() > 100, "{} files", files.len());
    files
}

/// The files of the workspace's crates with that ending, and their text.
fn ending_in(ending: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![];
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), ending, &mut files);
    files
}

fn walk(folder: &Path, ending: &str, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, ending, files);
        } else if path.extension().is_some_and(|found| found == ending) {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

/// Complains of all files at once.
fn each(complaint: impl Fn(&Path, &str) -> Option<String>) {
    let all = files();
    let complaints = all.iter().filter_map(|(path, text)| {
        let said = complaint(path, text)?;
        Some(format!("{}: {said}", path.display()))
    });
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn files_say_what_they_are() {
    each(|_, text| (!text.starts_with("//! ")).then(|| "begins with `//!` and one line of what it is".to_owned()));
}

#[test]
fn files_are_short() {
    each(|path, text| {
        let code = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
        let lines = code.lines().count();
        let most = if path.components().any(|part| part.as_os_str() == "tests") { 500 } else { 430 };
        (lines > most).then(|| format!("{lines} lines; cut it at its second idea"))
    });
}

#[test]
fn nothing_is_put_off() {
    each(|path, text| {
        let found = ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}"].into_iter().find(|word| text.contains(word));
        found.filter(|_| !path.ends_with("tidy.rs")).map(|word| format!("holds `{word}`"))
    });
}

#[test]
fn the_map_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root.join("engine/connect/src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let known = path.is_file() || map.contains(&format!("`{name}/`"));
        assert!(known, "ARCHITECTURE.md does not know engine/connect/src/{name}");
    }
    for connector in connectors() {
        assert!(map.contains(&format!("`{connector}`")), "ARCHITECTURE.md does not know the connector {connector}");
    }
}

#[test]
fn each_code_is_raised_by_a_test() {
    let tested = |(path, text): (PathBuf, String)| {
        let whole = path.components().any(|part| part.as_os_str() == "tests");
        let inside = text.split_once("\n#[cfg(test)]\n").map(|(_, tests)| tests.to_owned());
        if whole { Some(text) } else { inside }
    };
    let tests: String = files().into_iter().chain(ending_in("snap")).filter_map(tested).collect();
    let missing: Vec<&str> = code::ALL.iter().map(|code| code.id).filter(|id| !tests.contains(id)).collect();
    assert!(missing.is_empty(), "no test raises {}", missing.join(", "));
}

/// The folders with a connector in each.
fn connectors() -> Vec<String> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../connect/src/connectors")).unwrap();
    let folders = all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn no_connector_knows_another() {
    let connectors = connectors();
    assert!(connectors.len() >= 5, "{connectors:?}");
    each(|path, text| {
        let inside = path.to_str()?.split_once("connect/src/connectors/")?.1;
        let own = inside.split_once('/')?.0;
        let found = connectors.iter().find(|other| *other != own && text.contains(&format!("connectors::{other}")));
        found.map(|found| format!("a connector knows only the hub, and this one `{found}`"))
    });
}

#[test]
fn what_connectors_share_names_none_of_them() {
    each(|path, text| {
        let inside = path.to_str()?.split_once("connect/src/")?.1;
        let folder = inside.split_once('/')?.0;
        // What each folder may know besides itself.
        let knows: &[&str] = match folder {
            "hub" => &["hub", "arrow"],
            "arrow" => &["arrow"],
            "format" => &["format", "hub", "arrow"],
            "sql" => &["sql", "hub", "arrow"],
            _ => return None,
        };
        let others = ["hub", "arrow", "format", "sql", "connectors"].into_iter().filter(|other| !knows.contains(other));
        let found = others.map(|other| format!("crate::{other}")).find(|found| text.contains(found.as_str()));
        found.map(|found| format!("`{folder}` does not know `{found}`"))
    });
}

#[test]
fn traits_of_the_hub_have_few_methods() {
    each(|path, text| {
        path.to_str()?.split_once("connect/src/hub/")?;
        let traits = text.split("\npub trait ").skip(1).map(|rest| rest.split("\n}\n").next().unwrap_or_default());
        let wide =
            traits.map(|body| (body, body.matches("\n    fn ").count() + body.matches("\n    async fn ").count()));
        let (body, count) = wide.into_iter().find(|(_, count)| *count > 8)?;
        Some(format!("`{}` has {count} methods; at most 8", body.split([':', ' ']).next().unwrap_or_default()))
    });
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

/// The paths that a file names, from its crate's root: `super` and `self` are resolved.
fn paths(module: &[String], text: &str) -> Vec<Vec<String>> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = vec![];
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '$')) {
                spread(&code[at..], &[], &mut found);
            }
        }
    }
    let resolved = found.into_iter().map(|path| {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let base = if supers == 0 { &[][..] } else { &module[..module.len().saturating_sub(supers)] };
        base.iter().cloned().chain(path.into_iter().filter(|part| part != "crate" && part != "super")).collect()
    });
    resolved.collect()
}

/// The paths of a use tree at the beginning of a text; answers what is behind it.
fn spread<'a>(text: &'a str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = spread(rest, &path, found).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            return rest.get(1..).unwrap_or_default();
        }
        path.push(rest[..end].to_owned());
        if let Some(more) = rest[end..].strip_prefix("::") {
            rest = more;
        } else {
            found.push(path);
            let alias = rest[end..].trim_start().strip_prefix("as ").map(str::trim_start);
            let skipped = |text: &'a str| text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            return alias.map_or(&rest[end..], skipped);
        }
    }
}

/// The files of the program: each module's path, and what it names.
fn modules() -> Vec<(Vec<String>, Vec<Vec<String>>)> {
    let of = |(path, text): &(PathBuf, String)| {
        let inside = path.to_str()?.split_once("cli/src/")?.1.strip_suffix(".rs")?;
        let module: Vec<String> = inside.split('/').filter(|part| *part != "mod").map(str::to_owned).collect();
        let code = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
        let names = paths(&module, code);
        Some((module, names))
    };
    files().iter().filter_map(of).collect()
}

#[test]
fn no_module_of_the_program_knows_one_that_knows_it() {
    let modules = modules();
    assert!(modules.len() > 100, "{}", modules.len());
    for inside in [&[][..], &["web"][..]] {
        let depth = inside.len();
        let below = |path: &[String]| path.len() > depth && path.iter().zip(inside).all(|(a, b)| a == b);
        let all: std::collections::BTreeSet<&String> =
            modules.iter().filter(|(module, _)| below(module)).map(|(module, _)| &module[depth]).collect();
        let mut knows = std::collections::BTreeMap::<&String, std::collections::BTreeSet<&String>>::new();
        for (module, names) in modules.iter().filter(|(module, _)| below(module)) {
            let others = names.iter().filter(|path| below(path)).map(|path| &path[depth]);
            let others = others.filter(|other| all.contains(other) && **other != module[depth]);
            knows.entry(&module[depth]).or_default().extend(others);
        }
        assert!(knows.values().map(std::collections::BTreeSet::len).sum::<usize>() > 20, "{knows:?}");
        // Whatever knows nothing that is left is taken away, until only circles are.
        loop {
            let free: Vec<&String> = all
                .iter()
                .copied()
                .filter(|module| {
                    knows.get(module).is_some_and(|others| others.iter().all(|other| !knows.contains_key(other)))
                })
                .collect();
            if free.is_empty() {
                break;
            }
            for module in free {
                knows.remove(module);
            }
        }
        let circle: Vec<_> = knows.iter().map(|(module, others)| format!("{module} knows {others:?}")).collect();
        assert!(circle.is_empty(), "a circle in `{}`:\n{}", inside.join("/"), circle.join("\n"));
    }
}

#[test]
fn pages_and_the_api_only_know_views() {
    const PAGES: [&str; 8] = ["auth", "form", "format", "http_error", "layout", "request", "response", "view"];
    const API: [&str; 5] = ["auth", "http_error", "request", "response", "view"];
    for (module, names) in modules() {
        let known = match module.get(..2) {
            Some([web, pages]) if web == "web" && pages == "pages" => &PAGES[..],
            Some([web, api]) if web == "web" && api == "api" => &API[..],
            _ => continue,
        };
        for path in names.iter().filter(|path| path.first().is_some_and(|part| part == "web")) {
            let other = path.get(1).map_or("", String::as_str);
            assert!(
                known.contains(&other) || module.get(1).is_some_and(|own| own == other),
                "{module:?} knows {path:?}"
            );
        }
    }
}

#[test]
fn use_trees_are_read() {
    let module = ["web", "pages", "run"].map(str::to_owned);
    let found = paths(
        &module,
        "use super::gantt::{Bar, gantt};\nuse crate::{a, web::{b::{self, C as D}, e}};\nfn f() { crate::x::y(); }",
    );
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    for path in ["web::pages::gantt::Bar", "a", "web::b::C", "web::e", "x::y"] {
        assert!(found.contains(&path.to_owned()), "{path} is not in {found:?}");
    }
}
