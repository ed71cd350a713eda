//! The documentation says what the program does.

use crate::builder::Test;
use std::{fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_reference_is_what_the_program_would_write() {
    let test = Test::new();
    test.run(&["reference", "out"]).code(0);
    for name in ["commands.md", "connections.md", "errors.md", "types.md"] {
        let written = fs::read_to_string(test.path("out").join(name)).unwrap();
        let committed = fs::read_to_string(root().join("docs/reference").join(name)).unwrap_or_default();
        assert!(written == committed, "docs/reference/{name} is stale: `cargo run -- reference docs/reference`");
    }
}

/// Every command of the README's console blocks says what stands under it, but for times, ids and sizes of the day.
#[test]
fn the_readme_shows_what_happens() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let test = Test::new();
    test.run(&["init", "shop"]).code(0);
    let shop = test.path("shop");
    let model = shop.join("project/models/mart_average_check.sql");
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for part in block.split("$ cargo run -- ").skip(1) {
            let (command, shown) = part.split_once('\n').unwrap();
            if command == "check" {
                let good = fs::read_to_string(&model).unwrap();
                fs::write(&model, good.replacen("o.status", "o.statsu", 1)).unwrap();
            }
            let words: Vec<&str> = command.split(' ').collect();
            let output = test.command(&words).current_dir(&shop).output().unwrap();
            let said = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            let lines: Vec<String> = said.lines().map(lasting).collect();
            for line in shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…") {
                assert!(lines.contains(&lasting(line)), "`{command}` does not say:\n{line}\nbut:\n{said}");
            }
            commands += 1;
        }
    }
    assert!(commands >= 4, "the README shows {commands} commands");
}

/// A line without what differs from run to run: times, ids, widths.
fn lasting(line: &str) -> String {
    let time = |word: &str| {
        let number = word.strip_suffix("ms").or_else(|| word.strip_suffix('s'));
        number.is_some_and(|number| number.parse::<f64>().is_ok()) || word.len() == 5 && word.as_bytes()[2] == b':'
    };
    let frame = |word: &str| word.starts_with(['│', '┌', '╞', '└']);
    let changing = |word: &&str| !time(word) && !frame(word) && !word.ends_with('…');
    line.split_whitespace().filter(changing).collect::<Vec<_>>().join(" ")
}

/// The files that docs/language.md shows are one project, and there is nothing wrong with it.
#[test]
fn the_language_page_shows_a_project_that_works() {
    let page = fs::read_to_string(root().join("docs/language.md")).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let test = blocks.fold(Test::new(), |test, block| {
        let (title, text) = block.split_once('\n').unwrap().1.split_once('\n').unwrap();
        test.file(title.trim_start_matches(['#', '-', ' ']), text)
    });
    test.run(&["check"]).code(0);
    test.run(&["run", "--rows-scale", "0.1"]).code(0).says("Succeeded orders_by_day");
    test.run(&["test", "--accept"]).code(0);
    test.run(&["test"]).code(0);
}
