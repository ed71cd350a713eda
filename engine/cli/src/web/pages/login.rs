//! `/login`: name and password; and `/logout`.

use crate::web::{
    answer,
    forms::{Fields, own_path},
    metrics, password,
    shell::Shell,
    trouble::Trouble,
    visit::Visit,
    who,
};
use askama::Template;
use axum::{
    extract::Query,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

#[derive(Template, Serialize)]
#[template(path = "login.html")]
struct Page {
    #[serde(skip)]
    shell: Shell,
    next: String,
    name: String,
    error: Option<String>,
    /// Whether the first password still stands.
    first: bool,
}

/// Where to go after it.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// The form.
pub async fn page(mut visit: Visit, Query(next): Query<Next>) -> Response {
    if visit.who.role.is_some() {
        return answer::go(own_path(&next.next).unwrap_or("/"));
    }
    // A form can only be signed for a browser that is known again.
    let fresh = visit.who.cookie.is_none().then(password::key);
    if let Some(cookie) = &fresh {
        visit.who.cookie = Some(cookie.clone());
    }
    let mut response = form(&visit, StatusCode::OK, &next.next, "", None).await;
    if let Some(cookie) = fresh {
        set_cookie(&mut response, &who::set_cookie(visit.web.origin.is_secure(), &cookie));
    }
    response
}

async fn form(visit: &Visit, status: StatusCode, next: &str, name: &str, error: Option<&Trouble>) -> Response {
    let first = visit.does(|visit| Ok(visit.web.records.users()?.iter().any(|user| user.first_password))).await;
    let page = Page {
        shell: visit.shell("Sign in"),
        next: own_path(next).unwrap_or("/").to_owned(),
        name: name.to_owned(),
        error: error.map(|trouble| trouble.said.clone()),
        first: first.unwrap_or(false),
    };
    let mut response = answer::page(visit, &page);
    *response.status_mut() = status;
    if let Some(seconds) = error.and_then(|trouble| trouble.again) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Signs somebody in, with a session of a new key: one that was there before is worth nothing.
pub async fn login(visit: Visit, fields: Fields) -> Response {
    let (name, next) = (fields.text("name").to_owned(), fields.next("/"));
    match signed_in(&visit, &name, fields.raw("password").to_owned()).await {
        Ok(key) => {
            metrics::signed_in("succeeded");
            let mut response = answer::go(&next);
            set_cookie(&mut response, &who::set_cookie(visit.web.origin.is_secure(), &key));
            response
        }
        Err(trouble) => {
            metrics::signed_in(if trouble.again.is_some() { "too often" } else { "failed" });
            let status = StatusCode::from_u16(trouble.status).unwrap_or(StatusCode::UNAUTHORIZED);
            form(&visit, status, &next, &name, Some(&trouble)).await
        }
    }
}

/// The key of a new session.
async fn signed_in(visit: &Visit, name: &str, password: String) -> Result<String, Trouble> {
    let web = &visit.web;
    let address = visit.who.address.clone();
    web.limiter.allowed(name, &address, web.service.now_us()).map_err(Trouble::too_often)?;
    let _turn = web.passwords.acquire().await.map_err(|_| Trouble::failed("the service is ending"))?;
    // Tries that waited for their turn together are counted one after the other.
    web.limiter.allowed(name, &address, web.service.now_us()).map_err(Trouble::too_often)?;
    let wanted = name.to_owned();
    let key = visit
        .does(move |visit| {
            let (records, now) = (&visit.web.records, visit.web.service.now_us());
            let user = records.user(&wanted)?;
            if !password::is(&password, user.as_ref().map(|user| user.password.as_str())) {
                return Ok(None);
            }
            if let Some(old) = &visit.who.cookie {
                records.end_session(&password::of_key(old))?;
            }
            records.end_old_sessions(now - who::SESSION_US)?;
            let key = password::key();
            records.begin_session(&password::of_key(&key), &wanted, now)?;
            Ok(Some(key))
        })
        .await?;
    let Some(key) = key else {
        web.limiter.failed(name, &address, web.service.now_us());
        let who = who::Who { name: Some(name.chars().take(64).collect()), ..visit.who.clone() };
        Visit { who, ..visit.clone() }.does(|visit| visit.note("failed to sign in", "")).await?;
        return Err(Trouble { status: 401, said: "name or password is wrong".to_owned(), again: None });
    };
    web.limiter.succeeded(name, &address);
    let who = who::Who { name: Some(name.to_owned()), ..visit.who.clone() };
    Visit { who, ..visit.clone() }.does(|visit| visit.note("signed in", "")).await?;
    Ok(key)
}

/// Signs out.
pub async fn logout(visit: Visit) -> Response {
    let ended = visit.does(|visit| {
        if let Some(cookie) = &visit.who.cookie {
            visit.web.records.end_session(&password::of_key(cookie))?;
        }
        visit.note("signed out", "")
    });
    if let Err(trouble) = ended.await {
        return answer::trouble(&visit, &trouble);
    }
    let mut response = answer::go("/login");
    set_cookie(&mut response, &who::no_cookie(visit.web.origin.is_secure()));
    response.into_response()
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
