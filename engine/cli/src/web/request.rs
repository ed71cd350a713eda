//! A request, with who makes it and what they want to get.

use crate::web::state::Web;
use crate::web::{auth::identity::Identity, http_error::HttpError};
use axum::{
    extract::{FromRequestParts, Request},
    http::{Uri, request::Parts},
};
use engine_run::history::audit::Deed;
use std::convert::Infallible;
use tokio::task::spawn_blocking;

/// The answer is wanted as JSON.
#[derive(Clone, Copy, Debug)]
pub struct WantsJson;

/// A request.
#[derive(Clone)]
pub struct RequestContext {
    /// What all pages share.
    pub web: Web,
    /// Who makes it.
    pub identity: Identity,
    /// Whether the answer is wanted as JSON.
    pub json: bool,
    /// The path, without `.json`.
    pub path: String,
}

impl FromRequestParts<Web> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self {
            web: web.clone(),
            identity: parts.extensions.get::<Identity>().cloned().unwrap_or_default(),
            json: parts.extensions.get::<WantsJson>().is_some() || parts.uri.path().starts_with("/api/"),
            path: parts.uri.path().to_owned(),
        })
    }
}

impl RequestContext {
    /// Does something on a thread that may wait for the disk.
    pub async fn blocking<T, M>(&self, work: M) -> Result<T, HttpError>
    where
        T: Send + 'static,
        M: FnOnce(&Self) -> Result<T, HttpError> + Send + 'static,
    {
        let request = self.clone();
        let work = move || {
            // Signing in has to go on.
            if request.path != "/login" && request.path != "/password" {
                fail::fail_point!("web::view");
            }
            work(&request)
        };
        spawn_blocking(work).await.unwrap_or_else(|_| Err(HttpError::internal("engine itself failed")))
    }

    /// Writes down what somebody did.
    pub fn audit(&self, did: &str, what: &str) -> Result<(), HttpError> {
        let deed = Deed {
            id: 0,
            at_us: self.web.service.now_us(),
            who: self.identity.named(),
            address: self.identity.address.clone(),
            did: did.to_owned(),
            what: what.to_owned(),
        };
        Ok(self.web.records.note_deed(&deed)?)
    }
}

/// `/runs.json` is `/runs`, wanted as JSON.
pub async fn json_suffix(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path();
    let Some(bare) = path.strip_suffix(".json").filter(|_| !path.starts_with("/api/")) else { return request };
    let bare = if bare == "/index" { "/" } else { bare };
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    if let Ok(uri) = format!("{bare}{query}").parse::<Uri>() {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(WantsJson);
    }
    request
}
