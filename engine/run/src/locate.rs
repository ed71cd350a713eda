//! The query engine's errors, brought home to the line of the model.

use datafusion::{common::Diagnostic as Found, error::DataFusionError};
use engine_language::{
    code::{self, Code},
    diagnostic::Diagnostic,
    template::Rendered,
};

/// What a DataFusion error means for a model, with its place where there is one.
pub fn diagnose(rendered: &Rendered, error: &DataFusionError, model: &str) -> Diagnostic {
    if let Some(connect) = connect_error(error) {
        return crate::blame::of_system(connect, None);
    }
    match error.diagnostic() {
        Some(found) => located(rendered, found),
        None => plain(rendered, error, model),
    }
}

/// The error of one of our own connections inside DataFusion's.
pub fn connect_error(error: &DataFusionError) -> Option<&engine_connect::error::Error> {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref(),
        _ => None,
    }
}

fn located(rendered: &Rendered, found: &Found) -> Diagnostic {
    let place = |span: &datafusion::common::Span| {
        let len = usize::try_from(span.end.column.saturating_sub(span.start.column)).unwrap_or(1);
        rendered.locate_line(span.start.line, span.start.column, len.max(1))
    };
    let span = found.span.as_ref().and_then(place);
    let message = found.message.replace('\'', "`");
    let mut diagnostic = Diagnostic::error(code_of(&message), span, message);
    for help in &found.helps {
        diagnostic = diagnostic.hint(help.message.replace("possible column", "a column with a similar name is"));
    }
    for note in &found.notes {
        diagnostic = match note.span.as_ref().and_then(place) {
            Some(at) => diagnostic.also(at, &note.message),
            None => diagnostic.hint(&note.message),
        };
    }
    diagnostic
}

fn plain(rendered: &Rendered, error: &DataFusionError, model: &str) -> Diagnostic {
    let whole = error.strip_backtrace();
    let message = whole.lines().next().unwrap_or("the query failed").to_owned();
    let message =
        ["Error during planning: ", "Schema error: ", "Arrow error: ", "Execution error: ", "Optimizer rule "]
            .iter()
            .fold(message, |text, prefix| text.strip_prefix(prefix).map_or(text.clone(), str::to_owned));
    let code = code_of(&message);
    // Without a place of its own, the mistake is shown at the model's beginning.
    let span = mentioned(rendered, &message).or_else(|| rendered.locate(0, 1));
    let diagnostic = Diagnostic::error(code, span, format!("{message} in model `{model}`"));
    if code.id == "E0303" { diagnostic.hint("guard the divisor: `x / nullif(y, 0)`") } else { diagnostic }
}

/// The place of a function that the message names and that stands once in the SQL.
fn mentioned(rendered: &Rendered, message: &str) -> Option<engine_language::files::Span> {
    let name = message.split(['\'', '`']).nth(1)?;
    let lower = rendered.sql.to_lowercase();
    let first = lower.find(&name.to_lowercase())?;
    rendered.locate(first, name.len())
}

fn code_of(message: &str) -> &'static Code {
    let lower = message.to_lowercase();
    if lower.contains("column") && (lower.contains("not found") || lower.contains("no field named")) {
        &code::E0210
    } else if lower.contains("ambiguous") {
        &code::E0211
    } else if lower.contains("function")
        && (lower.contains("invalid") || lower.contains("not found") || lower.contains("unknown"))
    {
        &code::E0212
    } else if lower.contains("divide by zero") || lower.contains("division by zero") {
        &code::E0303
    } else if lower.contains("coerce") || lower.contains("cast") || lower.contains("type") {
        &code::E0213
    } else {
        &code::E0214
    }
}
