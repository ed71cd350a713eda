//! Who may sign in, and as what.

use super::History;
use crate::error::Result;
use rusqlite::params;
use serde::Serialize;

/// What somebody may do; each may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See everything.
    Viewer,
    /// Run, cancel, pause.
    Operator,
    /// Say who may do what.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// A digest of the password, as argon2 writes it.
    pub password: String,
    /// The role.
    pub role: Role,
    /// Whether the password is still the one that was made up for them.
    pub first_password: bool,
    /// Since when, in microseconds since 1970 UTC.
    pub created_us: i64,
}

impl History {
    /// Everybody, by name.
    pub fn users(&self) -> Result<Vec<User>> {
        self.all(&format!("{USERS} order by name"), [], user)
    }

    /// Somebody.
    pub fn user(&self, name: &str) -> Result<Option<User>> {
        self.one(&format!("{USERS} where name = ?1"), [name], user)
    }

    /// Adds somebody; false if the name is taken.
    pub fn add_user(&self, user: &User) -> Result<bool> {
        let sql = "insert into users (name, password, role, first_password, created_us) values (?1, ?2, ?3, ?4, ?5)
            on conflict do nothing";
        let User { name, password, role, first_password, created_us } = user;
        Ok(self.change(sql, params![name, password, role.word(), first_password, created_us])? > 0)
    }

    /// Removes somebody and their sessions; false if they are not there, or are the last admin.
    pub fn remove_user(&self, name: &str) -> Result<bool> {
        self.together(|db| {
            let sql = format!("delete from users where name = ?1 and {NOT_THE_LAST_ADMIN}");
            let removed = db.execute(&sql, [name])? > 0;
            if removed {
                db.execute("delete from sessions where name = ?1", [name])?;
            }
            Ok(removed)
        })
    }

    /// Gives somebody a role; false if they are not there, or are the last admin.
    pub fn set_role(&self, name: &str, role: Role) -> Result<bool> {
        let sql = format!("update users set role = ?2 where name = ?1 and (?2 = 'admin' or {NOT_THE_LAST_ADMIN})");
        Ok(self.change(&sql, params![name, role.word()])? > 0)
    }

    /// Gives somebody a password and ends their sessions, but for one; false if they are not there.
    pub fn set_password(&self, name: &str, password: &str, first: bool, keep: Option<&str>) -> Result<bool> {
        self.together(|db| {
            let sql = "update users set password = ?2, first_password = ?3 where name = ?1";
            let changed = db.execute(sql, params![name, password, first])? > 0;
            db.execute("delete from sessions where name = ?1 and key is not ?2", params![name, keep])?;
            Ok(changed)
        })
    }
}

const USERS: &str = "select name, password, role, first_password, created_us from users";
const NOT_THE_LAST_ADMIN: &str = "(role <> 'admin' or (select count(*) from users where role = 'admin') > 1)";

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(2)?;
    Ok(User {
        name: row.get(0)?,
        password: row.get(1)?,
        role: Role::read(&role).unwrap_or(Role::Viewer),
        first_password: row.get(3)?,
        created_us: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Role, User};
    use crate::history::History;

    #[test]
    fn the_last_admin_stays() {
        let history = History::in_memory().unwrap();
        let user = |name: &str, role| {
            let (name, password) = (name.to_owned(), String::new());
            User { name, password, role, first_password: false, created_us: 0 }
        };
        assert!(history.add_user(&user("a", Role::Admin)).unwrap());
        assert!(!history.add_user(&user("a", Role::Viewer)).unwrap(), "the name is taken");
        assert!(!history.remove_user("a").unwrap() && !history.set_role("a", Role::Viewer).unwrap());
        history.add_user(&user("b", Role::Admin)).unwrap();
        assert!(history.set_role("a", Role::Viewer).unwrap());
        assert!(!history.remove_user("b").unwrap() && history.remove_user("a").unwrap());
        assert_eq!(history.users().unwrap().len(), 1);
    }
}
