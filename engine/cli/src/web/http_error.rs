//! Why a request is not answered as it was asked.

use engine_run::{error::Error, service::ControlError};

/// What is wrong, and the status that it means.
#[derive(Debug)]
pub struct HttpError {
    /// The status.
    pub status: u16,
    /// One sentence.
    pub said: String,
    /// When to try again, in seconds.
    pub again: Option<i64>,
}

impl HttpError {
    fn new(status: u16, said: impl Into<String>) -> Self {
        Self { status, said: said.into(), again: None }
    }

    /// It cannot be read.
    pub fn bad_request(said: impl Into<String>) -> Self {
        Self::new(400, said)
    }

    /// Nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::new(401, "sign in first, or send a key: `Authorization: Bearer engine_…`")
    }

    /// Whoever it is may not.
    pub fn forbidden(said: impl Into<String>) -> Self {
        Self::new(403, said)
    }

    /// There is no such thing.
    pub fn not_found(said: impl Into<String>) -> Self {
        Self::new(404, said)
    }

    /// There is such a thing, but it is not asked for in that way.
    pub fn method_not_allowed(method: &str) -> Self {
        Self::new(405, format!("{method} does nothing here"))
    }

    /// It took too long to come.
    pub fn timed_out(said: impl Into<String>) -> Self {
        Self::new(408, said)
    }

    /// It is too much.
    pub fn too_large(most: usize) -> Self {
        Self::new(413, format!("that is more than {} KiB", most >> 10))
    }

    /// It does not fit with how things stand.
    pub fn conflict(said: impl Into<String>) -> Self {
        Self::new(409, said)
    }

    /// Too often.
    pub fn too_many_requests(seconds: i64) -> Self {
        let said = format!("too many tries; wait {seconds} seconds");
        Self { again: Some(seconds), ..Self::new(429, said) }
    }

    /// We failed.
    pub fn internal(said: impl Into<String>) -> Self {
        Self::new(500, said)
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> Self {
        match error {
            Error::Project(problem) => Self::conflict(problem.message),
            Error::Connect(error) => Self::new(502, error.to_string()),
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<ControlError> for HttpError {
    fn from(refused: ControlError) -> Self {
        match refused {
            ControlError::Unknown(said) => Self::not_found(said),
            ControlError::Wrong(said) => Self::conflict(said),
            ControlError::Failed(error) => error.into(),
        }
    }
}
