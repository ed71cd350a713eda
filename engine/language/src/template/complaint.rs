//! What went wrong while a template was rendered, on its way out of minijinja.

use super::{recorder::RUN, shared::Shared};
use crate::{
    code::{self, Code},
    diagnostic::Diagnostic,
    files::{FileId, Span},
    name::nearest,
};
use minijinja::{Error, ErrorKind};
use std::{error::Error as _, fmt, ops::Range};

/// A mistake that one of our functions found; it travels as the source of a minijinja error, which knows the place.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub code: &'static Code,
    pub message: String,
    pub hints: Vec<String>,
    /// The text to replace at the place, and with what.
    pub fix: Option<(String, String)>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Complaint {}

impl Complaint {
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hints: vec![], fix: None }
    }

    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Offers to replace what was typed by the nearest of the names there are.
    pub fn near<'a>(mut self, typed: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(near) = nearest(typed, known) {
            self.fix = Some((typed.to_owned(), near.to_owned()));
        }
        self
    }
}

impl From<Complaint> for Error {
    fn from(complaint: Complaint) -> Self {
        Error::new(ErrorKind::InvalidOperation, complaint.message.clone()).with_source(complaint)
    }
}

/// Turns an error of minijinja into a diagnostic at the place in the user's file. `back` turns bytes of the template as
/// it was rendered, by its path, into bytes of the user's own.
pub(super) fn diagnose(
    shared: &Shared,
    main: FileId,
    error: &Error,
    back: &dyn Fn(&str, Range<usize>) -> Range<usize>,
) -> Diagnostic {
    let chain = chain(error);
    let place = |error: &&Error| {
        let name = error.name()?;
        let (file, text) = shared.files.get(name).map_or((main, ""), |(file, text)| (*file, &**text));
        Some((file, text, widen(text, back(name, error.range()?))))
    };
    let innermost = *chain.last().expect("the chain begins with the error itself");
    let (file, text, range) = chain.iter().rev().find_map(place).unwrap_or((main, "", 0..0));
    let span = Span::new(file, range.clone());
    let typed = text.get(range).unwrap_or_default();
    let complaint = complaint(error).unwrap_or_else(|| from_kind(shared, innermost, typed));
    let mut diagnostic = Diagnostic::error(complaint.code, span, complaint.message);
    diagnostic.hints = complaint.hints;
    if *complaint.code == code::E0106
        && let Some(name) = quoted(typed)
    {
        diagnostic.message = format!("a template may include files of `macros` and `models` only, not `{name}`");
    }
    if let Some((wrong, near)) = complaint.fix {
        let start = span.range().start + typed.find(&wrong).unwrap_or(0);
        let replaced = Span::new(file, start..start + wrong.len());
        diagnostic = diagnostic.fix("a similar name exists", replaced, near);
    }
    for (file, _, range) in chain[..chain.len() - 1].iter().filter_map(place) {
        let outer = Span::new(file, range);
        if outer != span {
            diagnostic = diagnostic.also(outer, "asked for here");
        }
    }
    diagnostic
}

/// A method's call is placed from its dot on: takes in what stands before.
fn widen(text: &str, range: Range<usize>) -> Range<usize> {
    if !text.get(range.clone()).is_some_and(|typed| typed.starts_with('.')) {
        return range;
    }
    let name = text[..range.start].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
    name.len()..range.end
}

/// The first string literal in a piece of a template.
fn quoted(typed: &str) -> Option<&str> {
    let start = typed.find(['\'', '"'])?;
    let rest = &typed[start + 1..];
    rest.split(&typed[start..=start]).next()
}

fn chain(error: &Error) -> Vec<&Error> {
    let mut chain = vec![error];
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(inner) = source.downcast_ref::<Error>() {
            chain.push(inner);
        }
        next = source.source();
    }
    chain
}

fn complaint(error: &Error) -> Option<Complaint> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(source) = next {
        if let Some(complaint) = source.downcast_ref::<Complaint>() {
            return Some(complaint.clone());
        }
        next = source.source();
    }
    None
}

fn from_kind(shared: &Shared, error: &Error, typed: &str) -> Complaint {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape | ErrorKind::InvalidDelimiter => syntax(&detail),
        ErrorKind::UndefinedError => undefined(shared, typed),
        ErrorKind::UnknownFunction => {
            let name = detail.trim_end_matches(" is unknown").to_owned();
            unknown_function(shared, &name)
        }
        ErrorKind::UnknownMethod => Complaint::new(&code::E0102, format!("there is no method like this: {detail}")),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => {
            let name = detail.split(' ').nth(1).unwrap_or_default().to_owned();
            let kind = if error.kind() == ErrorKind::UnknownTest { "test" } else { "filter" };
            Complaint::new(&code::E0103, format!("there is no {kind} `{name}`"))
                .near(&name, shared.filters.iter().map(String::as_str))
        }
        ErrorKind::TooManyArguments | ErrorKind::MissingArgument | ErrorKind::CannotUnpack => {
            Complaint::new(&code::E0104, format!("wrong arguments: {detail}"))
        }
        ErrorKind::OutOfFuel => Complaint::new(&code::E0105, "the template does not come to an end")
            .hint("a loop in it goes over too many items, or a macro calls itself for ever"),
        ErrorKind::TemplateNotFound => {
            Complaint::new(&code::E0107, format!("there is no file `{}` to include", quoted(typed).unwrap_or(typed)))
                .hint("name it by its path below the project, such as `macros/prices.sql`")
        }
        _ if detail == "value of type undefined is not callable" => {
            unknown_function(shared, typed.split('(').next().unwrap_or_default())
        }
        _ if detail.contains("unsupported types") && detail.contains("undefined") => {
            Complaint::new(&code::E0101, format!("`{typed}` uses a name that is not defined"))
        }
        _ if detail.contains("recursion limit") => {
            Complaint::new(&code::E0105, "the template does not come to an end: a macro or include calls itself")
        }
        _ => Complaint::new(&code::E0116, detail),
    }
}

fn syntax(detail: &str) -> Complaint {
    let complaint = Complaint::new(&code::E0100, format!("the template cannot be parsed: {detail}"));
    match detail.strip_prefix("unknown statement ") {
        Some("test" | "materialization" | "snapshot" | "docs") => {
            complaint.hint("blocks of dbt other than `macro` are not understood here")
        }
        _ => complaint,
    }
}

fn undefined(shared: &Shared, typed: &str) -> Complaint {
    let name = typed.split(['.', '[', '(', '|', ' ']).next().unwrap_or_default();
    match typed.strip_prefix("run.") {
        Some(attribute) => Complaint::new(&code::E0101, format!("`run` has no `{attribute}`"))
            .near(attribute, RUN.iter().copied())
            .hint(format!("it has {}", RUN.join(", "))),
        None if name.is_empty() => Complaint::new(&code::E0101, "this is not defined"),
        None if shared.names.contains(name) => Complaint::new(&code::E0101, format!("`{typed}` is not defined")),
        None => Complaint::new(&code::E0101, format!("`{name}` is not defined"))
            .near(name, shared.names.iter().map(String::as_str)),
    }
}

fn unknown_function(shared: &Shared, name: &str) -> Complaint {
    let complaint = Complaint::new(&code::E0102, format!("there is no function or macro `{name}`"));
    match name {
        "return" => complaint.hint("a macro's value is the text that it writes: write it without `return`"),
        "run_query" | "statement" => {
            complaint.hint("a template cannot ask the database: it is rendered before anything runs")
        }
        _ => complaint.near(name, shared.names.iter().map(String::as_str)),
    }
}
