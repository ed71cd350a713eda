//! Which modules a file names, as its `use` trees and the paths in its code say.

use super::{sources, without_tests};

/// A module of a crate: where it is, and the paths that it names, from the crate's root.
pub struct Module {
    /// `["web", "pages", "run"]`; a `mod.rs` is its folder.
    pub path: Vec<String>,
    /// What it names of its own crate.
    pub names: Vec<Vec<String>>,
}

impl Module {
    /// The module of a file `web/pages/run.rs` below `src/`.
    pub fn of(file: &str, text: &str) -> Self {
        let file = file.strip_suffix(".rs").unwrap_or(file);
        let path: Vec<String> = file.split('/').filter(|part| *part != "mod").map(str::to_owned).collect();
        let names = paths(&path, without_tests(text));
        Self { path, names }
    }
}

/// The modules of a crate, its root aside.
pub fn modules(of: &str) -> Vec<Module> {
    let src = format!("{of}/src/");
    let modules = sources().into_iter().filter_map(|(path, text)| {
        let file = path.to_str()?.split_once(&src)?.1.to_owned();
        (!matches!(file.as_str(), "lib.rs" | "main.rs")).then(|| Module::of(&file, &text))
    });
    let modules: Vec<Module> = modules.collect();
    assert!(modules.len() > 40, "{} modules of {of}", modules.len());
    modules
}

/// The paths that a file names, from its crate's root: `super` and `self` are resolved.
fn paths(module: &[String], text: &str) -> Vec<Vec<String>> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = vec![];
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '$')) {
                spread(&code[at..], &[], &mut found);
            }
        }
    }
    let resolved = found.into_iter().map(|path| {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let base = match path.first().map(String::as_str) {
            Some("super") => &module[..module.len().saturating_sub(supers)],
            Some("self") => module,
            _ => &[],
        };
        let rest = path.into_iter().skip_while(|part| matches!(part.as_str(), "crate" | "super" | "self"));
        base.iter().cloned().chain(rest.filter(|part| part != "self")).collect()
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

#[test]
fn use_trees_are_read() {
    let text = "use super::gantt::{Bar, gantt};\nuse crate::{a, web::{b::{self, C as D}, e}};\n\
        // use crate::no;\nfn f() { crate::x::y(); self::z::w(); }\n#[cfg(test)]\nmod tests { use crate::no; }";
    let found = Module::of("web/pages/run.rs", text).names;
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    for path in ["web::pages::gantt::Bar", "a", "web::b", "web::b::C", "web::e", "x::y", "web::pages::run::z::w"] {
        assert!(found.contains(&path.to_owned()), "{path} is not in {found:?}");
    }
    assert!(!found.contains(&"no".to_owned()), "{found:?}");
}
