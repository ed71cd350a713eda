//! What went wrong while a template was rendered, on its way out of minijinja.

use super::templates::Shared;
use crate::{
    code::{self, Code},
    diagnostic::Diagnostic,
    files::{FileId, Span},
    name::nearest,
};
use minijinja::{Error, ErrorKind};
use std::{error::Error as _, fmt};

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

/// Turns an error of minijinja into a diagnostic at the place in the user's file.
pub(super) fn diagnose(shared: &Shared, main: FileId, error: &Error) -> Diagnostic {
    let chain = chain(error);
    let innermost = *chain.last().expect("the chain begins with the error itself");
    let (file, text, range) = place(shared, main, &chain);
    let span = Span::new(file, range.clone());
    let complaint =
        complaint(error).unwrap_or_else(|| from_kind(shared, innermost, text.get(range).unwrap_or_default()));
    let mut diagnostic = Diagnostic::error(complaint.code, span, complaint.message);
    diagnostic.hints = complaint.hints;
    if let Some((typed, near)) = complaint.fix {
        let at = text.get(span.range()).and_then(|slice| slice.find(&typed)).unwrap_or(0);
        let start = span.range().start + at;
        let replaced = Span::new(file, start..start + typed.len());
        diagnostic = diagnostic.fix("a similar name exists", replaced, near);
    }
    for outer in &chain[..chain.len() - 1] {
        if let Some(span) = span_of(shared, main, outer).map(|(file, _, range)| Span::new(file, range))
            && Some(span) != diagnostic.span
        {
            diagnostic = diagnostic.also(span, "asked for here");
        }
    }
    diagnostic
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

type Place<'a> = (FileId, &'a str, std::ops::Range<usize>);

/// The innermost place that is known.
fn place<'a>(shared: &'a Shared, main: FileId, chain: &[&Error]) -> Place<'a> {
    chain.iter().rev().find_map(|error| span_of(shared, main, error)).unwrap_or((main, "", 0..0))
}

fn span_of<'a>(shared: &'a Shared, main: FileId, error: &Error) -> Option<Place<'a>> {
    let name = error.name()?;
    let range = error.range()?;
    let (file, text) = match shared.files.get(name) {
        Some((file, text)) => (*file, &**text),
        None => (main, ""),
    };
    Some((file, text, range))
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
        ErrorKind::TemplateNotFound => Complaint::new(&code::E0107, format!("there is no file `{typed}` to include"))
            .hint("name it by its path below the project, such as `macros/prices.sql`"),
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
    if name.is_empty() {
        return Complaint::new(&code::E0101, "this is not defined");
    }
    let complaint = if name == typed || !shared.names.contains(name) {
        Complaint::new(&code::E0101, format!("`{name}` is not defined"))
    } else {
        Complaint::new(&code::E0101, format!("`{typed}` is not defined"))
    };
    complaint.near(name, shared.names.iter().map(String::as_str).filter(|known| *known != name))
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
