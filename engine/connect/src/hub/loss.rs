//! What a system cannot carry of a table, known before any row moves.

use engine_language::{
    code::{self, Code},
    table::RowCheck,
};

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

    /// The name of a column of which the system keeps no more than that: as "63 bytes that PostgreSQL".
    pub fn name(column: &str, kept: &str) -> Self {
        let message = format!("column `{column}` has more than the {kept} keeps of a name");
        Self::new(&code::W0517, message).hint("give it a shorter name in a view, and copy that")
    }

    /// The length of a column's texts, which the system cannot limit so far up.
    pub fn length(column: &str, length: u32) -> Self {
        Self::new(&code::W0512, format!("column `{column}` holds {length} characters, and its copy is not limited"))
    }

    /// A condition that the system does not understand.
    pub fn check(check: &RowCheck, system: &str) -> Self {
        Self::new(&code::W0514, format!("{system} does not understand the check `{}`", check.sql))
            .hint("add it as a check of a model that reads the copy")
    }

    /// Says what could be done.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }
}
