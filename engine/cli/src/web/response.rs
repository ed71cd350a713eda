//! Answers: pages, JSON, where to go next, and what went wrong.

use crate::web::{form::own_path, http_error::HttpError, layout::Layout, request::RequestContext, view::error::Error};
use askama::Template;
use axum::{
    body::to_bytes,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

/// More of what a library said of an error is not told.
const SAID_BYTES: usize = 4096;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    error: String,
}

/// A page, as HTML or as JSON.
pub fn page<P: Template + Serialize>(request: &RequestContext, page: &P) -> Response {
    if request.json {
        return json(StatusCode::OK, page);
    }
    match page.render() {
        Ok(text) => html(StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, path = request.path, "a page is not drawn");
            html(StatusCode::INTERNAL_SERVER_ERROR, "the page is not drawn".to_owned())
        }
    }
}

/// Makes a page on a thread that may wait for the disk, and shows it.
pub async fn show<P, M>(request: RequestContext, make: M) -> Response
where
    P: Template + Serialize + Send + 'static,
    M: FnOnce(&RequestContext) -> Result<P, HttpError> + Send + 'static,
{
    match request.blocking(make).await {
        Ok(made) => page(&request, &made),
        Err(problem) => error(&request, &problem),
    }
}

/// What went wrong, as HTML or as JSON.
pub fn error(request: &RequestContext, problem: &HttpError) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(path = request.path, error = problem.said, "a request failed");
    }
    let mut response = if request.json {
        json(status, &Error { error: problem.said.clone() })
    } else {
        let title = status.canonical_reason().unwrap_or("Something is wrong");
        let page =
            ErrorPage { layout: Layout::new(request, title), status: problem.status, error: problem.said.clone() };
        html(status, page.render().unwrap_or_else(|_| problem.said.clone()))
    };
    if let Some(seconds) = problem.again {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// An error as this service tells it, whoever found it: libraries answer with plain text what they cannot read.
pub async fn told(request: &RequestContext, mut response: Response) -> Response {
    let status = response.status();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let ours = kind.starts_with(if request.json { "application/json" } else { "text/html" });
    if ours || !(status.is_client_error() || status.is_server_error()) || request.path == "/readyz" {
        return response;
    }
    let said = to_bytes(response.into_body(), SAID_BYTES).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let said =
        if said.is_empty() { status.canonical_reason().unwrap_or("an error").to_owned() } else { said.into_owned() };
    error(request, &HttpError { status: status.as_u16(), said, again: None })
}

/// JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
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

/// After a form: where to go next. What is no path of this service leads to the first page.
pub fn redirect(to: &str) -> Response {
    let to = HeaderValue::from_str(own_path(to).unwrap_or("/")).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// After a form: where to go next, or what went wrong.
pub fn redirect_or_error(request: &RequestContext, done: Result<String, HttpError>) -> Response {
    match done {
        Ok(to) => redirect(&to),
        Err(wrong) => error(request, &wrong),
    }
}

/// For machines: what came of it, or what went wrong.
pub fn json_or_error<T: Serialize>(
    request: &RequestContext,
    status: StatusCode,
    done: Result<T, HttpError>,
) -> Response {
    match done {
        Ok(answer) => json(status, &answer),
        Err(wrong) => error(request, &wrong),
    }
}
