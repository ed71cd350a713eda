//! What every request passes: who is it, may they, does it come from a page of ours; and what every answer carries.

use super::{
    routes::{self, Needs, Route},
    state::Web,
};
use crate::{
    telemetry::metrics,
    web::{
        auth::identity::Identity,
        form, format,
        http_error::HttpError,
        request::{RequestContext, WantsJson},
        response,
    },
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, FromRequestParts as _, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A form is small.
const FORM_BYTES: usize = 64 << 10;

/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The header that carries what signs a form, where there is no form.
const CSRF: &str = "x-csrf-token";

/// Passes a request on to its route, or refuses it.
pub async fn guard(State(web): State<Web>, incoming: Request, next: Next) -> Response {
    let started = Instant::now();
    let (mut parts, body) = incoming.into_parts();
    let matched = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    let address = web.origin.address(peer, &parts.headers);
    let who = Identity::of(&web, &parts.headers, address);
    parts.extensions.insert(who.clone());
    let Ok(request) = RequestContext::from_request_parts(&mut parts, &web).await;
    let route = matched.as_deref().and_then(|path| routes::find(&parts.method, path));
    // Read even if it is refused: a connection with bytes that nobody read is cut, and the next request on it lost.
    let body = read(body).await;
    let cut = body.is_err();
    let mut response = match admit(&request, route, &parts.headers) {
        Err(error) => refuse(&request, &error, &parts.method, &parts.uri),
        Ok(()) => match body.and_then(|body| signed(&request, &parts, body)) {
            Ok(body) => next.run(Request::from_parts(parts, body)).await,
            Err(error) => response::error(&request, &error),
        },
    };
    if cut {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    harden(response.headers_mut());
    let path = matched.as_deref().unwrap_or("unknown");
    metrics::answered(path, response.status().as_u16(), started.elapsed());
    response
}

/// Whether a request may go to its route.
fn admit(request: &RequestContext, route: Option<&Route>, headers: &HeaderMap) -> Result<(), HttpError> {
    let (web, who) = (&request.web, &request.identity);
    let Some(route) = route else { return Err(HttpError::not_found("there is no such page")) };
    if route.needs != Needs::Anything && !who.by_key && !web.origin.is_ours(headers) {
        return Err(HttpError::bad_request("the address in `Host` is not this service's; `--url` says which it is"));
    }
    if route.posts {
        let origin = headers.contains_key(header::ORIGIN);
        if (origin || !who.by_key) && !web.origin.is_same(headers) {
            return Err(HttpError::forbidden("the request comes from another page"));
        }
    }
    match route.needs {
        Needs::Anything | Needs::Nobody => Ok(()),
        Needs::Role(role) if who.may(role) => Ok(()),
        Needs::Role(_) if who.role.is_none() => Err(HttpError::unauthorized()),
        Needs::Role(role) => Err(HttpError::forbidden(format!("only for the role {} and above", role.word()))),
    }
}

/// A browser that is not signed in is led to where it can be.
fn refuse(request: &RequestContext, error: &HttpError, method: &Method, uri: &Uri) -> Response {
    if error.status == 401 && !request.json && *method == Method::GET {
        let here = uri.path_and_query().map_or("/", |path| path.as_str());
        let next = format::url(here);
        return response::redirect(
            if here == "/" { "/login".to_owned() } else { format!("/login?next={next}") }.as_str(),
        );
    }
    response::error(request, error)
}

/// Reads what a request brings.
async fn read(body: Body) -> Result<Bytes, HttpError> {
    match timeout(PATIENCE, to_bytes(body, FORM_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(HttpError::bad_request("that is more than a form holds")),
        Err(_) => Err(HttpError::bad_request("the request's body did not come")),
    }
}

/// Refuses a form that no page of ours signed.
fn signed(request: &RequestContext, parts: &Parts, body: Bytes) -> Result<Body, HttpError> {
    if parts.method != Method::POST || request.identity.by_key {
        return Ok(Body::from(body));
    }
    let in_header = parts.headers.get(CSRF).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let given = in_header.unwrap_or_else(|| form::field(&body, "csrf"));
    if request.identity.is_csrf(&request.web, &given) {
        Ok(Body::from(body))
    } else {
        Err(HttpError::forbidden("the form is out of date; go back, load the page again and send it once more"))
    }
}

/// The headers of every answer.
fn harden(headers: &mut HeaderMap) {
    let set = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Nothing is there.
pub async fn missing(request: RequestContext, json: Option<axum::Extension<WantsJson>>) -> Response {
    let request = RequestContext { json: request.json || json.is_some(), ..request };
    response::error(&request, &HttpError::not_found("there is no such page"))
}
