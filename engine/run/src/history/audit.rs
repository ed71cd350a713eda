//! Who did what.

use super::History;
use crate::error::Result;
use rusqlite::params;
use serde::Serialize;

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// Its number.
    pub id: i64,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who.
    pub who: String,
    /// From which address.
    pub address: String,
    /// What was done, such as `pause`.
    pub did: String,
    /// To what.
    pub what: String,
}

impl History {
    /// Notes what somebody did.
    pub fn note_deed(&self, deed: &Deed) -> Result<()> {
        let sql = "insert into audit (at_us, who, address, did, what) values (?1, ?2, ?3, ?4, ?5)";
        let Deed { at_us, who, address, did, what, .. } = deed;
        self.change(sql, params![at_us, who, address, did, what]).map(drop)
    }

    /// What was done before that number, newest first.
    pub fn deeds(&self, before: i64, limit: u32) -> Result<Vec<Deed>> {
        let sql = "select id, at_us, who, address, did, what from audit where id < ?1 order by id desc limit ?2";
        self.all(sql, params![before, limit], |row| {
            Ok(Deed {
                id: row.get(0)?,
                at_us: row.get(1)?,
                who: row.get(2)?,
                address: row.get(3)?,
                did: row.get(4)?,
                what: row.get(5)?,
            })
        })
    }
}
