//! `/users`: who may sign in, and which machines have a key.

use crate::web::{
    auth::{identity, password},
    form::Fields,
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
    view::user,
};
use axum::{extract::Path, response::Response};
use engine_run::history::{
    sessions::Machine,
    users::{Role, User},
};

const DAY_US: i64 = 86_400_000_000;
/// A key is made for so many days, unless somebody says otherwise.
const KEY_DAYS: i64 = 90;
/// And for so many at most.
const KEY_DAYS_MOST: i64 = 366;

page!(Page, "users.html", user::Users);

/// Shows them.
pub async fn users(request: RequestContext) -> Response {
    response::show(request, |request| page(request, None)).await
}

fn page(request: &RequestContext, made: Option<(String, String)>) -> Result<Page, HttpError> {
    Ok(Page { layout: Layout::new(request, "Users"), view: user::users(&request.web, made)? })
}

/// Shows the page with what was made, or what went wrong.
async fn made(request: &RequestContext, made: Result<(String, String), HttpError>) -> Response {
    let shown = match made {
        Ok(made) => request.blocking(move |request| page(request, Some(made))).await,
        Err(error) => Err(error),
    };
    match shown {
        Ok(page) => response::page(request, &page),
        Err(error) => response::error(request, &error),
    }
}

fn role_of(fields: &Fields) -> Result<Role, HttpError> {
    Role::read(fields.text("role")).ok_or_else(|| HttpError::bad_request("the role is viewer, operator or admin"))
}

/// For how many days a key is made.
fn days_of(fields: &Fields) -> Result<i64, HttpError> {
    let typed = fields.text("days");
    let days = if typed.is_empty() { Some(KEY_DAYS) } else { typed.parse().ok() };
    let wrong = || HttpError::bad_request(format!("a key is made for 1 to {KEY_DAYS_MOST} days"));
    days.filter(|days| (1..=KEY_DAYS_MOST).contains(days)).ok_or_else(wrong)
}

fn digest(text: &str) -> Result<String, HttpError> {
    password::digest(text).map_err(|error| HttpError::internal(error.to_string()))
}

/// Adds somebody, with a password that is shown once.
pub async fn add(request: RequestContext, fields: Fields) -> Response {
    let added = request.blocking(move |request| {
        let (name, role) = (fields.text("name").to_owned(), role_of(&fields)?);
        if let Some(wrong) = password::wrong_name(&name) {
            return Err(HttpError::bad_request(format!("that cannot be a name: {wrong}")));
        }
        let made = password::made();
        let (password, created_us) = (digest(&made)?, request.web.service.now_us());
        let user = User { name: name.clone(), password, role, first_password: true, created_us };
        if !request.web.records.add_user(&user)? {
            return Err(HttpError::conflict(format!("there is a user `{name}` already")));
        }
        request.audit("added the user", &format!("{name}, {}", role.word()))?;
        Ok((name, made))
    });
    made(&request, added.await).await
}

/// Gives somebody a role.
pub async fn role(request: RequestContext, Path(name): Path<String>, fields: Fields) -> Response {
    let done = request.blocking(move |request| {
        let role = role_of(&fields)?;
        known(request, &name)?;
        if !request.web.records.set_role(&name, role)? {
            return Err(HttpError::conflict(format!("`{name}` is the last admin")));
        }
        request.audit("gave a role", &format!("{name}, {}", role.word()))?;
        Ok("/users".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

/// Gives somebody a password that is shown once, and ends their sessions.
pub async fn password(request: RequestContext, Path(name): Path<String>) -> Response {
    let changed = request.blocking(move |request| {
        known(request, &name)?;
        let made = password::made();
        request.web.records.set_password(&name, &digest(&made)?, true, None)?;
        request.audit("gave a new password", &name)?;
        Ok((name, made))
    });
    made(&request, changed.await).await
}

/// Removes somebody.
pub async fn remove(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        known(request, &name)?;
        if !request.web.records.remove_user(&name)? {
            return Err(HttpError::conflict(format!("`{name}` is the last admin")));
        }
        request.audit("removed the user", &name)?;
        Ok("/users".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}

fn known(request: &RequestContext, name: &str) -> Result<User, HttpError> {
    request.web.records.user(name)?.ok_or_else(|| HttpError::not_found(format!("there is no user `{name}`")))
}

/// Makes a key for a machine, which is shown once.
pub async fn add_key(request: RequestContext, fields: Fields) -> Response {
    let added = request.blocking(move |request| {
        let (name, role) = (fields.text("name").to_owned(), role_of(&fields)?);
        if let Some(wrong) = password::wrong_name(&name) {
            return Err(HttpError::bad_request(format!("that cannot be a name: {wrong}")));
        }
        let key = format!("{}{}", identity::KEY, password::key());
        let days = days_of(&fields)?;
        let (made_by, created_us) = (request.identity.named(), request.web.service.now_us());
        let expires_us = Some(created_us + days * DAY_US);
        let machine = Machine { name: name.clone(), role, made_by, created_us, seen_us: None, expires_us };
        if !request.web.records.add_machine(&machine, &password::of_key(&key))? {
            return Err(HttpError::conflict(format!("there is a key `{name}` already")));
        }
        request.audit("made a key", &format!("{name}, {}, for {days} days", role.word()))?;
        Ok((name, key))
    });
    made(&request, added.await).await
}

/// Takes a machine's key away.
pub async fn remove_key(request: RequestContext, Path(name): Path<String>) -> Response {
    let done = request.blocking(move |request| {
        if !request.web.records.remove_machine(&name)? {
            return Err(HttpError::not_found(format!("there is no key `{name}`")));
        }
        request.audit("took away a key", &name)?;
        Ok("/users".to_owned())
    });
    response::redirect_or_error(&request, done.await)
}
