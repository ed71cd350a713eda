//! `/users`: who may sign in, and which machines have a key.

use crate::web::{answer, forms::Fields, password, shell::Shell, trouble::Trouble, visit::Visit, who};
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
    shell: Shell,
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
pub async fn users(visit: Visit) -> Response {
    visit.show(|visit| page(visit, None)).await
}

fn page(visit: &Visit, made: Option<(String, String)>) -> Result<Page, Trouble> {
    let records = &visit.web.records;
    let row = |user: User| Row {
        name: user.name,
        role: user.role.word(),
        first_password: user.first_password,
        created_us: user.created_us,
    };
    Ok(Page {
        shell: visit.shell("Users"),
        now_us: visit.web.service.now_us(),
        users: records.users()?.into_iter().map(row).collect(),
        machines: records.machines()?,
        roles: Role::ALL.map(Role::word).to_vec(),
        made,
    })
}

/// Shows the page with what was made, or what went wrong.
async fn made(visit: &Visit, made: Result<(String, String), Trouble>) -> Response {
    let shown = match made {
        Ok(made) => visit.does(move |visit| page(visit, Some(made))).await,
        Err(trouble) => Err(trouble),
    };
    match shown {
        Ok(page) => answer::page(visit, &page),
        Err(trouble) => answer::trouble(visit, &trouble),
    }
}

fn role_of(fields: &Fields) -> Result<Role, Trouble> {
    Role::read(fields.text("role")).ok_or_else(|| Trouble::wrong("the role is viewer, operator or admin"))
}

fn digest(text: &str) -> Result<String, Trouble> {
    password::digest(text).map_err(|error| Trouble::failed(error.to_string()))
}

/// Adds somebody, with a password that is shown once.
pub async fn add(visit: Visit, fields: Fields) -> Response {
    let added = visit.does(move |visit| {
        let (name, role) = (fields.text("name").to_owned(), role_of(&fields)?);
        if let Some(wrong) = password::wrong_name(&name) {
            return Err(Trouble::wrong(format!("that cannot be a name: {wrong}")));
        }
        let made = password::made();
        let (password, created_us) = (digest(&made)?, visit.web.service.now_us());
        let user = User { name: name.clone(), password, role, first_password: true, created_us };
        if !visit.web.records.add_user(&user)? {
            return Err(Trouble::conflict(format!("there is a user `{name}` already")));
        }
        visit.note("added the user", &format!("{name}, {}", role.word()))?;
        Ok((name, made))
    });
    made(&visit, added.await).await
}

/// Gives somebody a role.
pub async fn role(visit: Visit, Path(name): Path<String>, fields: Fields) -> Response {
    let done = visit.does(move |visit| {
        let role = role_of(&fields)?;
        known(visit, &name)?;
        if !visit.web.records.set_role(&name, role)? {
            return Err(Trouble::conflict(format!("`{name}` is the last admin")));
        }
        visit.note("gave a role", &format!("{name}, {}", role.word()))?;
        Ok("/users".to_owned())
    });
    answer::done(&visit, done.await)
}

/// Gives somebody a password that is shown once, and ends their sessions.
pub async fn password(visit: Visit, Path(name): Path<String>) -> Response {
    let changed = visit.does(move |visit| {
        known(visit, &name)?;
        let made = password::made();
        visit.web.records.set_password(&name, &digest(&made)?, true, None)?;
        visit.note("gave a new password", &name)?;
        Ok((name, made))
    });
    made(&visit, changed.await).await
}

/// Removes somebody.
pub async fn remove(visit: Visit, Path(name): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        known(visit, &name)?;
        if !visit.web.records.remove_user(&name)? {
            return Err(Trouble::conflict(format!("`{name}` is the last admin")));
        }
        visit.note("removed the user", &name)?;
        Ok("/users".to_owned())
    });
    answer::done(&visit, done.await)
}

fn known(visit: &Visit, name: &str) -> Result<User, Trouble> {
    visit.web.records.user(name)?.ok_or_else(|| Trouble::unknown(format!("there is no user `{name}`")))
}

/// Makes a key for a machine, which is shown once.
pub async fn add_key(visit: Visit, fields: Fields) -> Response {
    let added = visit.does(move |visit| {
        let (name, role) = (fields.text("name").to_owned(), role_of(&fields)?);
        if let Some(wrong) = password::wrong_name(&name) {
            return Err(Trouble::wrong(format!("that cannot be a name: {wrong}")));
        }
        let key = format!("{}{}", who::KEY, password::key());
        let (made_by, created_us) = (visit.who.named(), visit.web.service.now_us());
        let machine = Machine { name: name.clone(), role, made_by, created_us, seen_us: None };
        if !visit.web.records.add_machine(&machine, &password::of_key(&key))? {
            return Err(Trouble::conflict(format!("there is a key `{name}` already")));
        }
        visit.note("made a key", &format!("{name}, {}", role.word()))?;
        Ok((name, key))
    });
    made(&visit, added.await).await
}

/// Takes a machine's key away.
pub async fn remove_key(visit: Visit, Path(name): Path<String>) -> Response {
    let done = visit.does(move |visit| {
        if !visit.web.records.remove_machine(&name)? {
            return Err(Trouble::unknown(format!("there is no key `{name}`")));
        }
        visit.note("took away a key", &name)?;
        Ok("/users".to_owned())
    });
    answer::done(&visit, done.await)
}
