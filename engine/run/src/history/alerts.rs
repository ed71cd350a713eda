//! Messages to the outside that are still to be sent.

use super::History;
use crate::error::Result;
use rusqlite::params;

/// A message of a schedule's failure or lateness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its number.
    pub id: i64,
    /// The schedule.
    pub schedule: String,
    /// The run, if there was one.
    pub run: Option<String>,
    /// `failed` or `late`.
    pub kind: String,
    /// One sentence.
    pub said: String,
    /// When it happened, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// How often sending it failed.
    pub tries: u32,
}

impl History {
    /// Alerts whose time has come, oldest first.
    pub fn alerts(&self, target: &str, now_us: i64) -> Result<Vec<Alert>> {
        let sql = "select id, schedule, run, kind, said, at_us, tries from alerts
            where target = ?1 and state = 'waiting' and ready_us <= ?2 order by id limit 100";
        self.all(sql, params![target, now_us], |row| {
            Ok(Alert {
                id: row.get(0)?,
                schedule: row.get(1)?,
                run: row.get(2)?,
                kind: row.get(3)?,
                said: row.get(4)?,
                at_us: row.get(5)?,
                tries: row.get(6)?,
            })
        })
    }

    /// Notes that an alert was sent, or that it is not worth another try.
    pub fn alert_done(&self, id: i64, state: &str) -> Result<()> {
        self.change("update alerts set state = ?2 where id = ?1", params![id, state]).map(drop)
    }

    /// Notes that sending an alert failed, and when to try again.
    pub fn alert_again(&self, id: i64, ready_us: i64) -> Result<()> {
        let sql = "update alerts set tries = tries + 1, ready_us = ?2 where id = ?1";
        self.change(sql, params![id, ready_us]).map(drop)
    }
}
