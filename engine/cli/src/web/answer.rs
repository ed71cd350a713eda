//! Answers: pages, JSON, where to go next, and what went wrong.

use super::{shell::Shell, trouble::Trouble, visit::Visit};
use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::json;

#[derive(Template, Serialize)]
#[template(path = "trouble.html")]
struct TroublePage {
    #[serde(skip)]
    shell: Shell,
    status: u16,
    error: String,
}

/// A page, as HTML or as JSON.
pub fn page<P: Template + Serialize>(visit: &Visit, page: &P) -> Response {
    if visit.json {
        return value(StatusCode::OK, page);
    }
    match page.render() {
        Ok(text) => html(StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, path = visit.path, "a page is not drawn");
            html(StatusCode::INTERNAL_SERVER_ERROR, "the page is not drawn".to_owned())
        }
    }
}

/// What went wrong, as HTML or as JSON.
pub fn trouble(visit: &Visit, trouble: &Trouble) -> Response {
    let status = StatusCode::from_u16(trouble.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(path = visit.path, error = trouble.said, "a request failed");
    }
    let mut response = if visit.json {
        value(status, &json!({ "error": trouble.said }))
    } else {
        let title = status.canonical_reason().unwrap_or("Something is wrong");
        let page = TroublePage { shell: visit.shell(title), status: trouble.status, error: trouble.said.clone() };
        html(status, page.render().unwrap_or_else(|_| trouble.said.clone()))
    };
    if let Some(seconds) = trouble.again {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// JSON.
pub fn value(status: StatusCode, value: &impl Serialize) -> Response {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// HTML.
pub fn html(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// Text of a type, to be shown or, with a name, to be kept.
pub fn text(kind: &'static str, text: String, name: Option<&str>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, kind)], text).into_response();
    if let Some(kept) = name.and_then(|name| HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).ok()) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
    }
    response
}

/// After a form: where to go next.
pub fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// After a form: where to go next, or what went wrong.
pub fn done(visit: &Visit, done: Result<String, Trouble>) -> Response {
    match done {
        Ok(to) => go(&to),
        Err(wrong) => trouble(visit, &wrong),
    }
}

/// For machines: what came of it, or what went wrong.
pub fn api<T: Serialize>(visit: &Visit, status: StatusCode, done: Result<T, Trouble>) -> Response {
    match done {
        Ok(answer) => value(status, &answer),
        Err(wrong) => trouble(visit, &wrong),
    }
}

/// A response without anything in it.
pub fn empty(status: StatusCode) -> Response {
    (status, Body::empty()).into_response()
}
