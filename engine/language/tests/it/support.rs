//! What the tests share: loading a fixture, and drawing what is wrong with it.

use engine_language::{
    diagnostic::{Problems, Severity},
    files::Span,
    load::{LoadOptions, load},
    project::Project,
    template::RunInfo,
    world::MemoryWorld,
};
use std::{collections::BTreeMap, fmt::Write};

/// The options that most tests load with.
pub fn options() -> LoadOptions {
    LoadOptions { target: None, vars: BTreeMap::new(), run: run(), discovered: BTreeMap::new() }
}

/// A run at a fixed time.
pub fn run() -> RunInfo {
    let started_at_us = 1_767_323_045_000_000;
    RunInfo { id: "01JD8Q".into(), started_at_us, interval_us: (started_at_us, started_at_us + 1_000_000) }
}

/// Loads a fixture.
pub fn project(fixture: &str) -> (Project, Problems) {
    load(&MemoryWorld::fixture(fixture), &options())
}

/// What is wrong, one line each: code, place, what stands there, message, then labels, help and fix.
pub fn draw(project: &Project, problems: &Problems) -> String {
    let place = |span: Span| {
        let (line, column) = project.files.line_column(span.file, span.start);
        format!("{}:{line}:{column} `{}`", project.files.path(span.file).display(), project.files.slice(span))
    };
    let mut out = String::new();
    for d in problems {
        let word = if d.severity == Severity::Error { "" } else { "warning " };
        let at = d.span.map(place).unwrap_or_default();
        writeln!(out, "{word}{} {at}: {}", d.code.id, d.message).unwrap();
        if let Some(label) = &d.label {
            writeln!(out, "  label: {label}").unwrap();
        }
        for (span, text) in &d.labels {
            writeln!(out, "  {}: {text}", place(*span)).unwrap();
        }
        for hint in &d.hints {
            writeln!(out, "  help: {hint}").unwrap();
        }
        if let Some(fix) = &d.fix {
            writeln!(out, "  fix: {} -> `{}` ({})", place(fix.span), fix.replacement, fix.message).unwrap();
        }
    }
    out
}

/// Loads a fixture that is good.
pub fn good(fixture: &str) -> Project {
    let (project, problems) = project(fixture);
    assert!(problems.is_empty(), "{}", draw(&project, &problems));
    project
}

/// Loads a fixture and compares what is wrong with it.
pub fn check_problems(fixture: &str, expected: &str) {
    let (project, problems) = project(fixture);
    pretty(&draw(&project, &problems), expected);
}

/// Compares texts, ignoring blank lines around them.
pub fn pretty(found: &str, expected: &str) {
    assert!(found.trim() == expected.trim(), "found:\n{found}\nexpected:\n{expected}");
}
