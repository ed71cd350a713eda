//! Test results for programs: JSON, and the XML of `JUnit`.

use super::{
    Detail, TestKind, TestReport, TestResult, TestStatus,
    difference::{Change, Difference},
};
use crate::error::{Error, Result};
use engine_language::{
    diagnostic::Diagnostic,
    files::{Files, Span},
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

/// All results, as one JSON object.
pub fn json(report: &TestReport, files: &Files) -> Value {
    json!({
        "passed": report.passed(),
        "took_ms": report.took.as_secs_f64() * 1000.0,
        "unreferenced": report.unreferenced,
        "results": report.results.iter().map(|result| one(result, files)).collect::<Vec<_>>(),
    })
}

fn one(result: &TestResult, files: &Files) -> Value {
    let mut value = json!({
        "kind": result.kind.word(),
        "name": result.name,
        "status": result.status.word(),
        "took_ms": result.took.as_secs_f64() * 1000.0,
        "at": result.span.map(|span| place(span, files)),
    });
    match &result.detail {
        None => {}
        Some(Detail::Note(note)) => value["note"] = json!(note),
        Some(Detail::Problem(problem)) => value["problem"] = self::problem(problem, files),
        Some(Detail::Difference(difference)) => value["difference"] = self::difference(difference),
    }
    value
}

fn problem(problem: &Diagnostic, files: &Files) -> Value {
    json!({
        "code": problem.code.id,
        "message": problem.message,
        "at": problem.span.map(|span| place(span, files)),
        "hints": problem.hints,
    })
}

fn difference(difference: &Difference) -> Value {
    let changes = difference.changes.iter().map(|change| match change {
        Change::Added(row) => json!({ "added": row }),
        Change::Removed(row) => json!({ "removed": row }),
        Change::Changed { was, now } => json!({ "was": was, "now": now }),
    });
    json!({
        "columns": difference.columns,
        "key": difference.key.iter().map(|at| &difference.columns[*at]).collect::<Vec<_>>(),
        "rows": difference.rows,
        "changes": changes.collect::<Vec<_>>(),
    })
}

/// `path:line:column`.
fn place(span: Span, files: &Files) -> String {
    let (line, column) = files.line_column(span.file, span.start);
    format!("{}:{line}:{column}", files.path(span.file).display())
}

/// All results, as the XML of `JUnit`: a suite for each kind of test.
pub fn junit(report: &TestReport, files: &Files) -> Result<String> {
    let mut whole = Report::new("engine test");
    whole.set_time(report.took);
    for kind in [TestKind::Unit, TestKind::Node, TestKind::Check, TestKind::Singular, TestKind::Snapshot] {
        let mut suite = TestSuite::new(kind.word());
        for result in report.results.iter().filter(|result| result.kind == kind) {
            suite.add_test_case(case(result, files));
        }
        if !suite.test_cases.is_empty() {
            whole.add_test_suite(suite);
        }
    }
    whole.to_string().map_err(|error| Error::State(format!("writing JUnit's XML: {error}")))
}

fn case(result: &TestResult, files: &Files) -> TestCase {
    let status = match result.status {
        TestStatus::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(said(result)).set_description(told(result, files));
            status
        }
        TestStatus::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(said(result));
            status
        }
        TestStatus::Passed | TestStatus::Warned | TestStatus::Recorded => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(result.name.clone(), status);
    case.set_time(result.took).set_classname(result.kind.word());
    case
}

/// What there is to say, in one line.
pub fn said(result: &TestResult) -> String {
    match &result.detail {
        None => String::new(),
        Some(Detail::Note(note)) => note.clone(),
        Some(Detail::Problem(problem)) => format!("{} {}", problem.code.id, problem.message),
        Some(Detail::Difference(difference)) => {
            format!("{} of {} rows differ", difference.changes.len(), difference.rows)
        }
    }
}

fn told(result: &TestResult, files: &Files) -> String {
    let at = result.span.map(|span| place(span, files)).unwrap_or_default();
    let more = match &result.detail {
        Some(Detail::Problem(problem)) => problem.hints.join("\n"),
        Some(Detail::Difference(difference)) => rows(difference),
        _ => String::new(),
    };
    format!("{at}\n{}\n{more}", said(result))
}

fn rows(difference: &Difference) -> String {
    let line = |sign: char, row: &[String]| format!("{sign} {}\n", row.join(" | "));
    let mut text = line(' ', &difference.columns);
    for change in &difference.changes {
        match change {
            Change::Added(row) => text.push_str(&line('+', row)),
            Change::Removed(row) => text.push_str(&line('-', row)),
            Change::Changed { was, now } => {
                text.push_str(&line('-', was));
                text.push_str(&line('+', now));
            }
        }
    }
    text
}
