//! What the world's errors mean to a user, as diagnostics.

use crate::error::Error;
use engine_connect::error::{Blame, Error as ConnectError};
use engine_language::{code, diagnostic::Diagnostic, files::Span};

/// A system's error, at the place that asked for it.
pub fn of_system(error: &ConnectError, span: Option<Span>) -> Diagnostic {
    let code = match error.blame {
        Blame::User => &code::E0510,
        Blame::Data => &code::E0304,
        Blame::System => &code::E0511,
        Blame::Rival => &code::E0512,
    };
    let message = format!("{}: {}: {}", error.system, error.doing, error.source);
    let diagnostic = Diagnostic::error(code, span, message);
    match &error.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// Any error of this crate, for a step that has a place.
pub fn of(error: &Error, span: Option<Span>) -> Diagnostic {
    match error {
        Error::Project(diagnostic) => (**diagnostic).clone(),
        Error::Connect(error) => of_system(error, span),
        Error::Query(error) => match crate::locate::connect_error(error) {
            Some(error) => of_system(error, span),
            None => Diagnostic::error(&code::E0300, span, error.strip_backtrace()),
        },
        Error::State(message) => Diagnostic::error(&code::E0305, None, format!("the engine's records: {message}")),
        Error::Cancelled => Diagnostic::error(&code::E0306, None, "stopped before it was done"),
    }
}

/// Whether trying again can help.
pub fn may_pass(error: &Error) -> bool {
    let connect = match error {
        Error::Connect(error) => Some(error),
        Error::Query(error) => crate::locate::connect_error(error),
        _ => None,
    };
    connect.is_some_and(|error| error.retry == engine_connect::error::Retry::Later)
}
