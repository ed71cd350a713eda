//! Each file says what it is, is short and whole.

use super::{each, ending_in, sources, without_tests};
use engine_language::code;
use std::path::PathBuf;

/// Lines of a file, without the tests at its end.
const MOST_LINES: usize = 400;

#[test]
fn files_say_what_they_are() {
    each(|_, text| (!text.starts_with("//! ")).then(|| "begins with `//!` and one line of what it is".to_owned()));
}

#[test]
fn files_are_short() {
    each(|_, text| too_long(text));
}

fn too_long(text: &str) -> Option<String> {
    let lines = without_tests(text).lines().count();
    (lines > MOST_LINES).then(|| format!("{lines} lines; cut it at its second idea"))
}

#[test]
fn a_long_file_is_found() {
    let line = "let x = 1;\n";
    assert_eq!(too_long(&line.repeat(MOST_LINES)), None);
    assert!(too_long(&line.repeat(MOST_LINES + 1)).is_some());
    let tested = format!("{}\n#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(MOST_LINES - 1), line.repeat(9));
    assert_eq!(too_long(&tested), None);
}

#[test]
fn nothing_is_put_off() {
    each(|path, text| {
        let found = ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}"].into_iter().find(|word| text.contains(word));
        found.filter(|_| !path.ends_with("tidy/files.rs")).map(|word| format!("holds `{word}`"))
    });
}

#[test]
fn each_code_is_raised_by_a_test() {
    let tested = |(path, text): (PathBuf, String)| {
        let whole = path.components().any(|part| part.as_os_str() == "tests");
        let inside = text.split_once("\n#[cfg(test)]\n").map(|(_, tests)| tests.to_owned());
        if whole { Some(text) } else { inside }
    };
    let tests: String = sources().into_iter().chain(ending_in("snap")).filter_map(tested).collect();
    let missing: Vec<&str> = code::ALL.iter().map(|code| code.id).filter(|id| !tests.contains(id)).collect();
    assert!(missing.is_empty(), "no test raises {}", missing.join(", "));
}
