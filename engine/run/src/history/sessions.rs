//! Who is signed in, and machines that have a key. Only digests of the keys are kept.

use super::{
    History,
    users::{Role, User},
};
use crate::error::Result;
use rusqlite::params;
use serde::Serialize;

/// A machine's key, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Who made it.
    pub made_by: String,
    /// When, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it was last used.
    pub seen_us: Option<i64>,
    /// From when on it is worth nothing.
    pub expires_us: Option<i64>,
}

impl History {
    /// Begins a session, whose key is given as its digest.
    pub fn begin_session(&self, key: &str, name: &str, now_us: i64) -> Result<()> {
        let sql = "insert into sessions (key, name, created_us, seen_us) values (?1, ?2, ?3, ?3)";
        self.change(sql, params![key, name, now_us]).map(drop)
    }

    /// Whose session it is, if it began and was last seen since then.
    pub fn session(&self, key: &str, begun_us: i64, seen_us: i64) -> Result<Option<User>> {
        let sql = "select name from sessions where key = ?1 and created_us >= ?2 and seen_us >= ?3";
        let name: Option<String> = self.one(sql, params![key, begun_us, seen_us], |row| row.get(0))?;
        name.map_or(Ok(None), |name| self.user(&name))
    }

    /// Notes that a session is in use, but not more often than once a minute.
    pub fn see_session(&self, key: &str, now_us: i64) -> Result<()> {
        let sql = "update sessions set seen_us = ?2 where key = ?1 and seen_us < ?2 - 60000000";
        self.change(sql, params![key, now_us]).map(drop)
    }

    /// Ends a session.
    pub fn end_session(&self, key: &str) -> Result<()> {
        self.change("delete from sessions where key = ?1", [key]).map(drop)
    }

    /// Forgets sessions that began before that time.
    pub fn end_old_sessions(&self, begun_us: i64) -> Result<()> {
        self.change("delete from sessions where created_us < ?1", [begun_us]).map(drop)
    }

    /// Machines that have a key, by name.
    pub fn machines(&self) -> Result<Vec<Machine>> {
        self.all("select name, role, made_by, created_us, seen_us, expires_us from machines order by name", [], machine)
    }

    /// Notes a machine's key, given as its digest; false if the name is taken.
    pub fn add_machine(&self, machine: &Machine, key: &str) -> Result<bool> {
        let sql = "insert into machines (name, key, role, made_by, created_us, expires_us)
            values (?1, ?2, ?3, ?4, ?5, ?6) on conflict do nothing";
        let Machine { name, role, made_by, created_us, expires_us, .. } = machine;
        Ok(self.change(sql, params![name, key, role.word(), made_by, created_us, expires_us])? > 0)
    }

    /// Takes a machine's key away; false if there is none.
    pub fn remove_machine(&self, name: &str) -> Result<bool> {
        Ok(self.change("delete from machines where name = ?1", [name])? > 0)
    }

    /// Whose key it is, unless it has expired.
    pub fn machine(&self, key: &str, now_us: i64) -> Result<Option<Machine>> {
        let sql = "select name, role, made_by, created_us, seen_us, expires_us from machines
            where key = ?1 and coalesce(expires_us, 0) > ?2";
        let found = self.one(sql, params![key, now_us], machine)?;
        if let Some(found) = &found {
            let sql = "update machines set seen_us = ?2 where name = ?1 and coalesce(seen_us, 0) < ?2 - 60000000";
            self.change(sql, params![found.name, now_us])?;
        }
        Ok(found)
    }

    /// A secret of the service's own, made at first use.
    pub fn secret(&self, name: &str, made: [u8; 32]) -> Result<[u8; 32]> {
        self.change("insert into secrets values (?1, ?2) on conflict do nothing", params![name, made])?;
        let kept = self.one("select value from secrets where name = ?1", [name], |row| row.get(0))?;
        Ok(kept.unwrap_or(made))
    }
}

fn machine(row: &rusqlite::Row<'_>) -> rusqlite::Result<Machine> {
    let role: String = row.get(1)?;
    Ok(Machine {
        name: row.get(0)?,
        role: Role::read(&role).unwrap_or(Role::Viewer),
        made_by: row.get(2)?,
        created_us: row.get(3)?,
        seen_us: row.get(4)?,
        expires_us: row.get(5)?,
    })
}
