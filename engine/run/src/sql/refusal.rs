//! A query that is refused by us and not by DataFusion: with a code of its own, at its place in the SQL.

use datafusion::{error::DataFusionError, sql::sqlparser::tokenizer::Span};
use engine_language::code::Code;
use std::{error::Error, fmt};

/// Why a query is refused, in the user's words.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What kind of mistake it is.
    pub code: &'static Code,
    /// Where in the SQL.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What should stand there instead, with why.
    pub fix: Option<(String, String)>,
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        let span = (span != Span::empty()).then_some(span);
        Self { code, span, message: message.into(), hint: None, fix: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same, with what should stand there.
    #[must_use]
    pub fn fix(self, why: impl Into<String>, replacement: impl Into<String>) -> Self {
        Self { fix: Some((why.into(), replacement.into())), ..self }
    }

    /// The refusal inside an error of DataFusion, if that is what it is.
    pub fn of(error: &DataFusionError) -> Option<&Self> {
        match error.find_root() {
            DataFusionError::External(inner) => inner.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl Error for Refusal {}

impl From<Refusal> for DataFusionError {
    fn from(refusal: Refusal) -> Self {
        DataFusionError::External(Box::new(refusal))
    }
}
