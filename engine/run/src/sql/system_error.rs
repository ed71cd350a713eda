//! The errors of systems: inside DataFusion's, and as diagnostics.

use datafusion::error::DataFusionError;
use engine_connect::hub::error::{Blame, Error as ConnectError};
use engine_language::{code, diagnostic::Diagnostic, files::Span};

/// A system's error, at the place that asked for it.
pub fn of_system(error: &ConnectError, span: Option<Span>) -> Diagnostic {
    let code = match error.blame {
        Blame::User => &code::E0510,
        Blame::Data => &code::E0304,
        Blame::System => &code::E0511,
        Blame::Rival => &code::E0512,
        Blame::Gap => &code::E0520,
    };
    let message = format!("{}: {}: {}", error.system, error.doing, error.source);
    let diagnostic = Diagnostic::error(code, span, message);
    match &error.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The error of one of our own connections inside DataFusion's.
pub fn connect_error(error: &DataFusionError) -> Option<&ConnectError> {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref(),
        _ => None,
    }
}
