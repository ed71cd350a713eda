//! A request, with who makes it and what they want to get.

use super::{Web, answer, shell::Shell, trouble::Trouble, who::Who};
use askama::Template;
use axum::{
    extract::{FromRequestParts, Request},
    http::{Uri, request::Parts},
    response::Response,
};
use engine_run::history::audit::Deed;
use serde::Serialize;
use std::convert::Infallible;
use tokio::task::spawn_blocking;

/// The answer is wanted as JSON.
#[derive(Clone, Copy, Debug)]
pub struct WantsJson;

/// A request.
#[derive(Clone)]
pub struct Visit {
    /// What all pages share.
    pub web: Web,
    /// Who makes it.
    pub who: Who,
    /// Whether the answer is wanted as JSON.
    pub json: bool,
    /// The path, without `.json`.
    pub path: String,
}

impl FromRequestParts<Web> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self {
            web: web.clone(),
            who: parts.extensions.get::<Who>().cloned().unwrap_or_default(),
            json: parts.extensions.get::<WantsJson>().is_some() || parts.uri.path().starts_with("/api/"),
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Visit {
    /// Makes a page, on a thread that may wait for the disk, and shows it.
    pub async fn show<P, M>(self, make: M) -> Response
    where
        P: Template + Serialize + Send + 'static,
        M: FnOnce(&Self) -> Result<P, Trouble> + Send + 'static,
    {
        let visit = self.clone();
        let made =
            spawn_blocking(move || make(&visit)).await.unwrap_or_else(|_| Err(Trouble::failed("engine itself failed")));
        match made {
            Ok(page) => answer::page(&self, &page),
            Err(trouble) => answer::trouble(&self, &trouble),
        }
    }

    /// Does something on a thread that may wait for the disk.
    pub async fn does<T, M>(&self, work: M) -> Result<T, Trouble>
    where
        T: Send + 'static,
        M: FnOnce(&Self) -> Result<T, Trouble> + Send + 'static,
    {
        let visit = self.clone();
        spawn_blocking(move || work(&visit)).await.unwrap_or_else(|_| Err(Trouble::failed("engine itself failed")))
    }

    /// What stands around a page.
    pub fn shell(&self, title: &str) -> Shell {
        Shell::new(self, title)
    }

    /// Writes down what somebody did.
    pub fn note(&self, did: &str, what: &str) -> Result<(), Trouble> {
        let deed = Deed {
            id: 0,
            at_us: self.web.service.now_us(),
            who: self.who.named(),
            address: self.who.address.clone(),
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
