//! `/users`: who may sign in, and which machines have a key.

use crate::web::{
    auth::{identity, password},
    form::Fields,
    http_error::HttpError,
    layout::Layout,
    request::RequestContext,
    response,
};
use askama::Template;
use axum::{extract::Path, response::Response};
use engine_run::history::{
    sessions::Machine,
    users::{Role, User},
};
use serde::Serialize;

#[derive(Template, Serialize)]
#[template(path = "users.html")]
struct Page {
    #[serde(skip)]
    layout: Layout,
    now_us: i64,
    users: Vec<Row>,
    machines: Vec<Machine>,
    roles: Vec<&'static str>,
    /// Whose password or key was made just now, and what it is: shown this once.
    made: Option<(String, String)>,
}

/// Somebody.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    role: &'static str,
    first_password: bool,
    created_us: i64,
}

/// Shows them.
pub async fn users(request: RequestContext) -> Response {
    response::show(request, |request| page(request, None)).await
}

fn page(request: &RequestContext, made: Option<(String, String)>) -> Result<Page, HttpError> {
    let records = &request.web.records;
    let row = |user: User| Row {
        name: user.name,
        role: user.role.word(),
        first_password: user.first_password,
        created_us: user.created_us,
    };
    Ok(Page {
        layout: Layout::new(request, "Users"),
        now_us: request.web.service.now_us(),
        users: records.users()?.into_iter().map(row).collect(),
        machines: records.machines()?,
        roles: Role::ALL.map(Role::word).to_vec(),
        made,
    })
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
        let (made_by, created_us) = (request.identity.named(), request.web.service.now_us());
        let machine = Machine { name: name.clone(), role, made_by, created_us, seen_us: None };
        if !request.web.records.add_machine(&machine, &password::of_key(&key))? {
            return Err(HttpError::conflict(format!("there is a key `{name}` already")));
        }
        request.audit("made a key", &format!("{name}, {}", role.word()))?;
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
