//! What a system cannot carry of a table, known before any row moves.

use engine_language::code::Code;

/// Something of a table that would not be in its copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of loss, which a replication may allow.
    pub code: &'static Code,
    /// What is lost, as `column `status`: …`.
    pub message: String,
    /// What could be done about it, if that is known.
    pub hint: Option<String>,
}

impl Loss {
    /// A loss, without advice.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Says what could be done.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }
}
