//! What CONTRIBUTING.md and ARCHITECTURE.md ask of every file.

mod circles;
mod connectors;
mod files;
mod items;
mod map;
mod paths;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace's crates.
const CRATES: [&str; 4] = ["language", "connect", "run", "cli"];

/// The Rust files of the workspace with their text, tests included.
fn sources() -> Vec<(PathBuf, String)> {
    let sources = ending_in("rs");
    assert!(sources.len() > 100, "{} files", sources.len());
    sources
}

/// The files of the workspace's crates with that ending, and their text.
fn ending_in(ending: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![];
    walk(&engine(), ending, &mut files);
    files
}

/// The folder of the crates.
fn engine() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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
    let all = sources();
    let complaints = all.iter().filter_map(|(path, text)| {
        let said = complaint(path, text)?;
        Some(format!("{}: {said}", path.display()))
    });
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A file's text without the tests at its end.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
}
