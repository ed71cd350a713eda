//! `/login`: name and password; and `/logout`.

use crate::{
    telemetry::metrics,
    web::{
        auth::{
            identity::{self, Identity},
            password,
        },
        form::{Fields, own_path},
        http_error::HttpError,
        layout::Layout,
        request::RequestContext,
        response,
        view::session,
    },
};
use axum::{
    extract::Query,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use engine_run::history::users::Role;
use serde::Deserialize;

page!(Page, "login.html", session::Login);

/// Where to go after it.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// The form.
pub async fn page(mut request: RequestContext, Query(next): Query<Next>) -> Response {
    if request.identity.role.is_some() {
        return response::redirect(own_path(&next.next).unwrap_or("/"));
    }
    // A form can only be signed for a browser that is known again.
    let fresh = request.identity.cookie.is_none().then(password::key);
    if let Some(cookie) = &fresh {
        request.identity.cookie = Some(cookie.clone());
    }
    let mut response = form(&request, StatusCode::OK, &next.next, "", None).await;
    if let Some(cookie) = fresh {
        set_cookie(&mut response, &identity::set_cookie(request.web.origin.is_secure(), &cookie));
    }
    response
}

async fn form(
    request: &RequestContext,
    status: StatusCode,
    next: &str,
    name: &str,
    error: Option<&HttpError>,
) -> Response {
    let first =
        request.blocking(|request| Ok(request.web.records.users()?.iter().any(|user| user.first_password))).await;
    let view = session::Login {
        next: own_path(next).unwrap_or("/").to_owned(),
        name: name.to_owned(),
        error: error.map(|problem| problem.said.clone()),
        first: first.unwrap_or(false),
    };
    let page = Page { layout: Layout::new(request, "Sign in"), view };
    let mut response = response::page(request, &page);
    *response.status_mut() = status;
    if let Some(seconds) = error.and_then(|problem| problem.again) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Signs somebody in, with a session of a new key: one that was there before is worth nothing.
pub async fn login(request: RequestContext, fields: Fields) -> Response {
    let (name, next) = (fields.text("name").to_owned(), fields.next("/"));
    match signed_in(&request, &name, fields.raw("password").to_owned()).await {
        Ok(key) => {
            metrics::signed_in("succeeded");
            let mut response = response::redirect(&next);
            set_cookie(&mut response, &identity::set_cookie(request.web.origin.is_secure(), &key));
            response
        }
        Err(problem) => {
            metrics::signed_in(if problem.again.is_some() { "too often" } else { "failed" });
            if request.json {
                return response::error(&request, &problem);
            }
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
            form(&request, status, &next, &name, Some(&problem)).await
        }
    }
}

/// The key of a new session.
async fn signed_in(request: &RequestContext, name: &str, password: String) -> Result<String, HttpError> {
    let web = &request.web;
    let address = request.identity.address.clone();
    web.limiter.allowed(name, &address, web.service.now_us()).map_err(HttpError::too_many_requests)?;
    let _turn = web.passwords.acquire().await.map_err(|_| HttpError::internal("the service is ending"))?;
    // Tries that waited for their turn together are counted one after the other.
    web.limiter.allowed(name, &address, web.service.now_us()).map_err(HttpError::too_many_requests)?;
    let wanted = name.to_owned();
    let key = request
        .blocking(move |request| {
            let (records, now) = (&request.web.records, request.web.service.now_us());
            let user = records.user(&wanted)?;
            if !password::is(&password, user.as_ref().map(|user| user.password.as_str())) {
                return Ok(Err(user.map(|user| user.name)));
            }
            let from_far = user.filter(|user| user.first_password && !request.identity.is_local);
            if let Some(user) = from_far.filter(|user| user.role == Role::Admin) {
                return Err(HttpError::forbidden(identity::first_password_said(Some(user.role))));
            }
            if let Some(old) = &request.identity.cookie {
                records.end_session(&password::of_key(old))?;
            }
            records.end_old_sessions(now - identity::SESSION_US)?;
            let key = password::key();
            records.begin_session(&password::of_key(&key), &wanted, now)?;
            Ok(Ok(key))
        })
        .await?;
    let key = match key {
        Ok(key) => key,
        Err(known) => {
            web.limiter.failed(name, &address, web.service.now_us());
            // Only names that there are: what else is typed there may be a password.
            let who = Identity { name: known, ..request.identity.clone() };
            let request = RequestContext { identity: who, ..request.clone() };
            request.blocking(|request| request.audit("failed to sign in", "")).await?;
            return Err(HttpError { status: 401, said: "name or password is wrong".to_owned(), again: None });
        }
    };
    web.limiter.succeeded(name, &address);
    let who = Identity { name: Some(name.to_owned()), ..request.identity.clone() };
    RequestContext { identity: who, ..request.clone() }.blocking(|request| request.audit("signed in", "")).await?;
    Ok(key)
}

/// Signs out.
pub async fn logout(request: RequestContext) -> Response {
    let ended = request.blocking(|request| {
        if let Some(cookie) = &request.identity.cookie {
            request.web.records.end_session(&password::of_key(cookie))?;
        }
        request.audit("signed out", "")
    });
    if let Err(problem) = ended.await {
        return response::error(&request, &problem);
    }
    let mut response = response::redirect("/login");
    set_cookie(&mut response, &identity::no_cookie(request.web.origin.is_secure()));
    response.into_response()
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
