//! What CONTRIBUTING.md asks of every file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The Rust files of the workspace with their text, tests included.
fn files() -> Vec<(PathBuf, String)> {
    let mut files = vec![];
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files);
    assert!(files.len() > 100, "{} files", files.len());
    files
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
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
}
