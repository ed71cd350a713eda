//! What every request passes: who is it, may they, does it come from a page of ours; and what every answer carries.

use super::{
    route::{Needs, Route},
    state::Web,
};
use crate::{
    telemetry::metrics,
    web::{
        auth::identity::{self, Identity},
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
use engine_run::history::users::Role;
use futures::FutureExt as _;
use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A form is small.
const FORM_BYTES: usize = 64 << 10;

/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is there for somebody who has to change their password first.
const FOR_A_FIRST_PASSWORD: [&str; 3] = ["/password", "/logout", "/events"];

/// The header that carries what signs a form, where there is no form.
const CSRF: &str = "x-csrf-token";

/// Passes a request on to its route, or refuses it.
pub async fn guard(State(web): State<Web>, incoming: Request, next: Next) -> Response {
    let started = Instant::now();
    let (mut parts, body) = incoming.into_parts();
    let matched = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    let address = web.origin.address(peer, &parts.headers);
    let who = Identity::of(&web, &web.origin, &parts.headers, address);
    parts.extensions.insert(who.clone());
    let Ok(request) = RequestContext::from_request_parts(&mut parts, &web).await;
    let route = find(&request, &parts.method, matched.as_deref());
    // Read even if it is refused: a connection with bytes that nobody read is cut, and the next request on it lost.
    let body = read(body, request.json).await;
    let cut = body.is_err();
    let mut response = match admit(&request, route, &parts.headers) {
        Err(error) => refuse(&request, &error, &parts.method, &parts.uri),
        Ok(()) => match body.and_then(|body| signed(&request, &parts, body)) {
            Ok(body) => {
                let answer = AssertUnwindSafe(next.run(Request::from_parts(parts, body))).catch_unwind().await;
                let failed = |_| response::error(&request, &HttpError::internal("engine itself failed"));
                answer.unwrap_or_else(failed)
            }
            Err(error) => response::error(&request, &error),
        },
    };
    response = response::told(&request, response).await;
    if cut {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    harden(response.headers_mut());
    let path = matched.as_deref().unwrap_or("unknown");
    metrics::answered(path, response.status().as_u16(), started.elapsed());
    response
}

/// The route of a request.
fn find(request: &RequestContext, method: &Method, path: Option<&str>) -> Result<Route, HttpError> {
    let posts = match *method {
        Method::GET | Method::HEAD => Some(false),
        Method::POST => Some(true),
        _ => None,
    };
    let mut of_path = request.web.routes.iter().filter(|route| Some(route.path) == path).peekable();
    if of_path.peek().is_none() {
        return Err(HttpError::not_found("there is no such page"));
    }
    let found = of_path.find(|route| Some(route.posts) == posts).copied();
    found.ok_or_else(|| HttpError::method_not_allowed(method.as_str()))
}

/// Whether a request may go to its route.
fn admit(request: &RequestContext, route: Result<Route, HttpError>, headers: &HeaderMap) -> Result<(), HttpError> {
    let (web, who) = (&request.web, &request.identity);
    let route = route?;
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
        Needs::Role(_) if who.must_change_password() && !FOR_A_FIRST_PASSWORD.contains(&route.path) => {
            Err(HttpError::forbidden(identity::first_password_said(who.role)))
        }
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
    let who = &request.identity;
    let may_change_password = who.must_change_password() && !who.may(Role::Admin);
    if error.status == 403 && may_change_password && !request.json && *method == Method::GET {
        return response::redirect("/password");
    }
    response::error(request, error)
}

/// Reads what a request brings.
async fn read(body: Body, json: bool) -> Result<Bytes, HttpError> {
    match timeout(PATIENCE, to_bytes(body, FORM_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) if json => Err(HttpError::too_large(FORM_BYTES)),
        Ok(Err(_)) => Err(HttpError::bad_request("that is more than a form holds")),
        Err(_) => Err(HttpError::timed_out("the request's body did not come")),
    }
}

/// Refuses a form that no page of ours signed.
fn signed(request: &RequestContext, parts: &Parts, body: Bytes) -> Result<Body, HttpError> {
    if parts.method != Method::POST || request.identity.by_key {
        return Ok(Body::from(body));
    }
    let in_header = parts.headers.get(CSRF).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let given = in_header.unwrap_or_else(|| form::field(&body, "csrf"));
    if request.identity.is_csrf(&request.web.key, &given) {
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
