//! Why an external system did not do what it was asked.

/// What the world refused, and whose turn it is.
#[derive(Debug, thiserror::Error)]
#[error("{system}: {doing}: {source}")]
pub struct Error {
    /// The connection's name.
    pub system: String,
    /// What was being done, such as "reading `orders`".
    pub doing: String,
    /// Who can mend it.
    pub blame: Blame,
    /// Whether trying again can help.
    pub retry: Retry,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
    /// Of the rows that one writer was given, the one that it is about, from 0, if that is known.
    pub row: Option<u64>,
    /// What the system or its driver said. Never holds a secret.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The user: configuration, rights, a missing table.
    User,
    /// The data: a value that cannot be carried.
    Data,
    /// The system: it is down, slow, full.
    System,
    /// Another process that does the same work.
    Rival,
    /// The source: what comes next is not there any more.
    Gap,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same will happen.
    Never,
    /// It may pass.
    Later,
}

/// A result whose error is the world's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that trying again will not mend.
    pub fn new(
        system: impl ToString,
        doing: impl Into<String>,
        blame: Blame,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            system: system.to_string(),
            doing: doing.into(),
            blame,
            retry: Retry::Never,
            hint: None,
            row: None,
            source: source.into(),
        }
    }

    /// Says what to do about a table that is not there.
    #[must_use]
    pub fn absent(self, hint: &str) -> Self {
        self.hint(format!("{hint}; a source's table that may be missing is declared with `optional = true`"))
    }

    /// Says that it may pass.
    #[must_use]
    pub fn later(mut self) -> Self {
        self.retry = Retry::Later;
        self
    }

    /// Says which row it is about.
    #[must_use]
    pub fn row(mut self, row: Option<u64>) -> Self {
        self.row = row;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }
}

impl From<Error> for datafusion::error::DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
