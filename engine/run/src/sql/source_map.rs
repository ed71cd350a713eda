//! The query engine's errors, brought home to the line of the model.

use crate::sql::{
    refusal::Refusal,
    subquery::more_than_one,
    system_error::{connect_error, of_system},
    words::in_words,
};
use datafusion::{
    common::{Column, Diagnostic as Found, SchemaError},
    error::DataFusionError,
    execution::SessionStateDefaults,
    sql::sqlparser::{
        self,
        ast::{TableFactor, Visit, Visitor},
        parser::Parser,
        tokenizer::{Token, Tokenizer},
    },
};
use engine_language::{
    code::{self, Code},
    diagnostic::Diagnostic,
    dialect::SqlDialect,
    files::Span,
    name::nearest,
    rendered::Rendered,
    template::quote::identifier,
};
use std::ops::ControlFlow;

/// As many columns are named where none is near.
const SHOWN: usize = 8;

/// What a DataFusion error means for a model, with its place where there is one.
pub fn diagnose(rendered: &Rendered, error: &DataFusionError, model: &str) -> Diagnostic {
    if let Some(connect) = connect_error(error) {
        return of_system(connect, None);
    }
    if let Some(refusal) = Refusal::of(error) {
        return refused(rendered, refusal);
    }
    match error.diagnostic() {
        Some(found) => located(rendered, found, error),
        None => plain(rendered, error, model),
    }
}

/// The place in a model of a piece of its SQL.
pub fn place(rendered: &Rendered, span: sqlparser::tokenizer::Span) -> Option<Span> {
    let one_line = span.start.line == span.end.line;
    let length = if one_line { span.end.column.saturating_sub(span.start.column) } else { 1 };
    rendered.locate_line(span.start.line, span.start.column, usize::try_from(length).unwrap_or(1).max(1))
}

/// A refusal of ours, at its place in the model.
fn refused(rendered: &Rendered, refusal: &Refusal) -> Diagnostic {
    let place = refusal.span.and_then(|span| place(rendered, span));
    let mut diagnostic = Diagnostic::error(refusal.code, place.or_else(|| beginning(rendered)), &refusal.message);
    diagnostic.hints.extend(refusal.hint.clone());
    match (&refusal.fix, place) {
        (Some((why, replacement)), Some(span)) => diagnostic.fix(why, span, identifier(replacement)),
        (Some((why, replacement)), None) => diagnostic.hint(format!("{why}: `{replacement}`")),
        (None, _) => diagnostic,
    }
}

fn located(rendered: &Rendered, found: &Found, error: &DataFusionError) -> Diagnostic {
    let place = |span: &datafusion::common::Span| {
        let len = usize::try_from(span.end.column.saturating_sub(span.start.column)).unwrap_or(1);
        rendered.locate_line(span.start.line, span.start.column, len.max(1))
    };
    let span = found.span.as_ref().and_then(place);
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        return no_column(rendered, span, field, valid_fields);
    }
    if let Some((column, _)) = found.message.split_once("must appear in GROUP BY") {
        return ungrouped(span, column);
    }
    let code = code_of(&found.message);
    let message = in_words(&found.message.replace('\'', "`"));
    let message = message.strip_prefix("Invalid function").map_or(message.clone(), |rest| format!("no function{rest}"));
    // Without a place of its own, the mistake is shown at the model's beginning.
    let mut diagnostic = Diagnostic::error(code, span.or_else(|| beginning(rendered)), message);
    if code.id == "E0212" {
        return like_function(diagnostic, found);
    }
    let said = found.helps.iter().map(|help| &help.message).chain(found.notes.iter().map(|note| &note.message));
    let columns: Vec<&str> = said.filter_map(|said| said.strip_prefix("possible column ")).collect();
    if !columns.is_empty() {
        return diagnostic.hint(format!("say which one: `{}`", columns.join("` or `")));
    }
    diagnostic.hints.extend(found.helps.iter().map(|help| help.message.replace('\'', "`")));
    for note in &found.notes {
        let message = in_words(&note.message);
        diagnostic = match note.span.as_ref().and_then(place) {
            Some(at) => diagnostic.also(at, message),
            None => diagnostic.hint(message),
        };
    }
    diagnostic
}

/// A column that is neither grouped by nor aggregated.
fn ungrouped(span: Option<Span>, column: &str) -> Diagnostic {
    let name = column.trim().trim_matches('\'').rsplit('.').next().unwrap_or_default();
    let message = format!("`{name}` is neither in `group by` nor inside an aggregate");
    let hint = format!("add `{name}` to `group by`, or say which of its values: `min({name})`, `any_value({name})`");
    Diagnostic::error(&code::E0214, span, message).hint(hint)
}

/// A column that is not there, with the nearest that is.
fn no_column(rendered: &Rendered, span: Option<Span>, field: &Column, there: &[Column]) -> Diagnostic {
    // The name is what is wrong, not the table before it.
    let span = span.map(|span| Span { start: span.end.saturating_sub(length(field)).max(span.start), ..span });
    let mut diagnostic = Diagnostic::error(&code::E0202, span, format!("column `{}` not found", field.name));
    let there = there.iter().filter(|column| field.relation.is_none() || column.relation == field.relation);
    let names: Vec<&str> = there.map(|column| column.name.as_str()).collect();
    if let Some(relation) = &field.relation {
        let table = aliased(&rendered.sql, relation.table());
        let which = table.map(|table| format!(", which is `{table}`")).unwrap_or_default();
        diagnostic = diagnostic.label(format!("not a column of `{relation}`{which}"));
    }
    match (nearest(&field.name, names.iter().copied()), span) {
        (Some(near), Some(span)) => diagnostic.fix("a column with a similar name exists", span, identifier(near)),
        (Some(near), None) => diagnostic.hint(format!("a column with a similar name exists: `{near}`")),
        (None, _) if names.is_empty() => diagnostic,
        (None, _) => {
            let some: Vec<&str> = names.iter().copied().take(SHOWN).collect();
            let more = if names.len() > SHOWN { ", …" } else { "" };
            diagnostic.hint(format!("there are {}{more}", some.join(", ")))
        }
    }
}

/// How many bytes of the SQL name a column, at the end of its place.
fn length(field: &Column) -> u32 {
    u32::try_from(field.name.len()).unwrap_or(0)
}

/// The table that an alias of the query stands for.
fn aliased(sql: &str, alias: &str) -> Option<String> {
    struct Tables<'a>(&'a str);
    impl Visitor for Tables<'_> {
        type Break = String;
        fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<String> {
            match table {
                TableFactor::Table { name, alias: Some(alias), .. } if alias.name.value == self.0 => {
                    ControlFlow::Break(name.to_string())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let statements = Parser::parse_sql(&SqlDialect, sql).ok()?;
    match statements.visit(&mut Tables(alias)) {
        ControlFlow::Break(table) => Some(table),
        ControlFlow::Continue(()) => None,
    }
}

/// A function that is not there, with the nearest that is.
fn like_function(diagnostic: Diagnostic, found: &Found) -> Diagnostic {
    let Some(typed) = found.message.split('\'').nth(1) else { return diagnostic };
    let scalars = SessionStateDefaults::default_scalar_functions();
    let aggregates = SessionStateDefaults::default_aggregate_functions();
    let windows = SessionStateDefaults::default_window_functions();
    let names = scalars.iter().map(|f| f.name()).chain(aggregates.iter().map(|f| f.name()));
    let near = nearest(typed, names.chain(windows.iter().map(|f| f.name())));
    match (near, diagnostic.span) {
        (Some(near), Some(span)) => diagnostic.fix("a function with a similar name exists", span, near),
        _ => diagnostic,
    }
}

fn plain(rendered: &Rendered, error: &DataFusionError, model: &str) -> Diagnostic {
    // What failed it inside, and not which of the planner's rules came upon it.
    let whole = error.find_root().strip_backtrace();
    let message = whole.lines().next().unwrap_or("the query failed").to_owned();
    let message =
        ["Error during planning: ", "Schema error: ", "Arrow error: ", "Execution error: ", "Optimizer rule "]
            .iter()
            .fold(message, |text, prefix| text.strip_prefix(prefix).map_or(text.clone(), str::to_owned));
    let code = code_of(&message);
    if message.contains("Scalar subquery returned more than one row") {
        return refused(rendered, &more_than_one());
    }
    let message = in_words(&plainly(&message));
    // Without a place of its own, the mistake is shown at the query's beginning.
    let span = if code.id == "E0303" { division(rendered) } else { mentioned(rendered, &message) };
    let span = span.or_else(|| beginning(rendered));
    let diagnostic = Diagnostic::error(code, span, format!("{message} in model `{model}`"));
    if code.id == "E0303" { diagnostic.hint("guard the divisor: `x / nullif(y, 0)`") } else { diagnostic }
}

/// The first word of the query.
pub fn beginning(rendered: &Rendered) -> Option<Span> {
    let first = rendered.sql.len() - rendered.sql.trim_start().len();
    let rest = &rendered.sql[first..];
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    rendered.locate(first, word.max(1))
}

/// The first division whose divisor is not written out.
fn division(rendered: &Rendered) -> Option<Span> {
    let tokens = Tokenizer::new(&SqlDialect, &rendered.sql).tokenize_with_location().ok()?;
    let tokens: Vec<_> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut divisions = tokens.windows(2).filter(|pair| matches!(pair[0].token, Token::Div | Token::Mod));
    let first = divisions.find(|pair| !matches!(pair[1].token, Token::Number(..)))?;
    place(rendered, first[0].span)
}

/// DataFusion's longer sentences, in short.
fn plainly(message: &str) -> String {
    let quoted = |quote: char, nth: usize| message.split(quote).nth(nth).unwrap_or_default();
    if message.contains("failed to match any signature") {
        let received = message.split("received ").nth(1).and_then(|rest| rest.split([' ', ',']).next());
        let received = received.map(|kind| format!(" of type {}", kind.to_lowercase())).unwrap_or_default();
        return format!("`{}` does not take an argument{received}", quoted('\'', 1));
    }
    if message.contains("require unique expression names") {
        let name = quoted('"', 1).rsplit('.').next().unwrap_or_default();
        return format!("two columns are called `{name}`: give one another name by `as`");
    }
    message.to_owned()
}

/// The place of a function that the message names and that stands once in the SQL.
fn mentioned(rendered: &Rendered, message: &str) -> Option<Span> {
    let name = message.split(['\'', '`']).nth(1)?;
    let lower = rendered.sql.to_lowercase();
    let first = lower.find(&name.to_lowercase())?;
    rendered.locate(first, name.len())
}

fn code_of(message: &str) -> &'static Code {
    let lower = message.to_lowercase();
    if lower.contains("column") && (lower.contains("not found") || lower.contains("no field named")) {
        &code::E0202
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
