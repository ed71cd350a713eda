//! What the world's errors mean to a user, as diagnostics.

use crate::{
    error::Error,
    sql::{
        source_map,
        system_error::{connect_error, of_system},
    },
};
use datafusion::error::DataFusionError;
use engine_language::{code, diagnostic::Diagnostic, files::Span, graph::NodeId, rendered::Rendered};

/// Rows that were read, and cannot be digested as they are written.
pub fn not_digested(why: &str) -> Diagnostic {
    Diagnostic::error(&code::E0304, None, format!("rows cannot be compared: {why}"))
}

/// Any error of this crate, for a step that has a place.
pub fn of(error: &Error, span: Option<Span>) -> Diagnostic {
    match error {
        Error::Project(diagnostic) => Diagnostic { span: diagnostic.span.or(span), ..(**diagnostic).clone() },
        Error::Connect(error) => of_system(error, span),
        Error::Query(error) => match connect_error(error) {
            Some(error) => of_system(error, span),
            None if memory_is_short(error) => out_of_memory(error, span),
            None => Diagnostic::error(&code::E0300, span, error.strip_backtrace()),
        },
        Error::State(message) => Diagnostic::error(&code::E0305, None, format!("the engine's records: {message}")),
        Error::Cancelled => Diagnostic::error(&code::E0306, None, "stopped before it was done"),
    }
}

/// An error of a model's query: at its place in the model, unless what gave up was a system or the machine.
pub fn in_model(rendered: &Rendered, error: DataFusionError, node: &NodeId) -> Error {
    if connect_error(&error).is_some() || memory_is_short(&error) {
        return Error::Query(error);
    }
    Error::Project(Box::new(source_map::diagnose(rendered, &error, &node.name())))
}

/// Whether a query may come to its end with more memory, or by doing with less.
pub fn memory_may_help(error: &Error) -> bool {
    matches!(error, Error::Query(error) if memory_is_short(error) && !disk_is_short(error))
}

fn memory_is_short(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) || disk_is_short(error)
}

/// DataFusion wraps this one in an error of input and output, where only its words tell it.
fn disk_is_short(error: &DataFusionError) -> bool {
    error.find_root().to_string().contains("disk space during the spilling process has exceeded")
}

fn out_of_memory(error: &DataFusionError, span: Option<Span>) -> Diagnostic {
    let said = error.find_root().strip_backtrace();
    let (what, key) = if disk_is_short(error) { ("room to spill into", "spill") } else { ("memory", "memory") };
    let hint = format!("raise `[limits] {key}` in project/sources.toml, or read less at once");
    Diagnostic::error(&code::E0313, span, format!("there is not enough {what}")).hint(hint).hint(said)
}

/// Whether trying again can help.
pub fn may_pass(error: &Error) -> bool {
    let connect = match error {
        Error::Connect(error) => Some(error),
        Error::Query(error) => connect_error(error),
        _ => None,
    };
    connect.is_some_and(|error| error.retry == engine_connect::hub::error::Retry::Later)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_connect::hub::error::{Blame, Error as ConnectError};

    /// The code under which an error is said.
    fn code(error: &Error) -> &'static str {
        of(error, None).code.id
    }

    #[test]
    fn each_blame_has_a_code() {
        let of = |blame| Error::Connect(ConnectError::new("shop", "reading `t`", blame, "no"));
        let codes = [Blame::User, Blame::Data, Blame::System, Blame::Rival].map(|blame| code(&of(blame)));
        assert_eq!(codes, ["E0510", "E0304", "E0511", "E0512"]);
    }

    #[test]
    fn what_is_no_systems_fault_has_one_too() {
        assert_eq!(code(&Error::Query(DataFusionError::Execution("gave up".into()))), "E0300");
        assert_eq!(code(&Error::Query(DataFusionError::ResourcesExhausted("full".into()))), "E0313");
        assert_eq!(code(&Error::State("locked".into())), "E0305");
        assert_eq!(code(&Error::Cancelled), "E0306");
    }

    #[test]
    fn memory_helps_memory_and_not_the_disk() {
        let short = |said: &str| Error::Query(DataFusionError::ResourcesExhausted(said.into()));
        assert!(memory_may_help(&short("failed to allocate")));
        assert!(!memory_may_help(&short("the used disk space during the spilling process has exceeded the limit")));
    }
}
