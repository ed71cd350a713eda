//! Who may sign in, and which machines have a key.

use super::Data;
use crate::web::http_error::HttpError;
use engine_run::history::{sessions::Machine, users};
use schemars::JsonSchema;
use serde::Serialize;

/// Everybody.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Users {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// People.
    pub users: Vec<User>,
    /// Machines.
    pub machines: Vec<Key>,
    /// The roles that there are.
    pub roles: Vec<&'static str>,
    /// Whose password or key was made just now, and what it is: shown this once.
    pub made: Option<(String, String)>,
}

/// Somebody.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct User {
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: &'static str,
    /// Whether they still have the password that was made for them.
    pub first_password: bool,
    /// Since when they are known.
    pub created_us: i64,
}

/// A machine's key.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Key {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: &'static str,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub created_us: i64,
    /// When it was last used.
    pub seen_us: Option<i64>,
    /// From when on it is worth nothing.
    pub expires_us: Option<i64>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        let users::User { name, role, first_password, created_us, password: _ } = user;
        Self { name, role: role.word(), first_password, created_us }
    }
}

impl From<Machine> for Key {
    fn from(machine: Machine) -> Self {
        let Machine { name, role, made_by, created_us, seen_us, expires_us } = machine;
        Self { name, role: role.word(), made_by, created_us, seen_us, expires_us }
    }
}

/// Everybody, and what was made just now.
pub fn users(data: &Data, made: Option<(String, String)>) -> Result<Users, HttpError> {
    Ok(Users {
        now_us: data.service.now_us(),
        users: data.records.users()?.into_iter().map(User::from).collect(),
        machines: data.records.machines()?.into_iter().map(Key::from).collect(),
        roles: users::Role::ALL.map(users::Role::word).to_vec(),
        made,
    })
}
