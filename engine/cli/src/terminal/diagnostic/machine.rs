//! Diagnostics for programs: JSON, one object a line, and GitHub's annotations.

use engine_language::{
    diagnostic::{Diagnostic, Severity},
    files::{Files, Span},
};
use serde_json::{Value, json};
use std::path::Path;

/// One object: code, severity, message, file, line, column, end, label, labels, hints, fix.
pub fn json(diagnostic: &Diagnostic, files: &Files, prefix: &Path) -> Value {
    let place = diagnostic.span.map(|span| place(span, files, prefix));
    let of = |key: &str| place.as_ref().map_or(Value::Null, |place| place[key].clone());
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|(span, message)| json!({ "message": message, "place": self::place(*span, files, prefix) }))
        .collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        json!({
            "message": fix.message,
            "replacement": fix.replacement,
            "place": self::place(fix.span, files, prefix),
        })
    });
    json!({
        "code": diagnostic.code.id,
        "severity": severity(diagnostic.severity),
        "message": diagnostic.message,
        "file": of("file"),
        "line": of("line"),
        "column": of("column"),
        "end": of("end"),
        "label": diagnostic.label,
        "labels": labels,
        "hints": diagnostic.hints,
        "fix": fix,
    })
}

/// One annotation: `::error file=…,line=…,col=…,title=E0202::…`.
pub fn github(diagnostic: &Diagnostic, files: &Files, prefix: &Path) -> String {
    let mut properties = vec![];
    if let Some(span) = diagnostic.span {
        let (line, column) = files.line_column(span.file, span.start);
        let (end_line, end_column) = files.line_column(span.file, span.end);
        let path = prefix.join(files.path(span.file)).display().to_string();
        properties.push(format!("file={}", property(&path)));
        properties.push(format!("line={line},endLine={end_line},col={column},endColumn={end_column}"));
    }
    properties.push(format!("title={}", diagnostic.code.id));
    let message: Vec<&str> =
        std::iter::once(diagnostic.message.as_str()).chain(diagnostic.hints.iter().map(String::as_str)).collect();
    format!("::{} {}::{}\n", severity(diagnostic.severity), properties.join(","), escape(&message.join("\n")))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn place(span: Span, files: &Files, prefix: &Path) -> Value {
    let (line, column) = files.line_column(span.file, span.start);
    let (end_line, end_column) = files.line_column(span.file, span.end);
    json!({
        "file": prefix.join(files.path(span.file)).display().to_string(),
        "line": line,
        "column": column,
        "end": { "line": end_line, "column": end_column },
    })
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
