//! What is remembered of schedules: up to where they were settled, and whether somebody paused them.

use super::History;
use crate::{error::Result, schedule::record::ScheduleRecord};
use rusqlite::params;
use std::collections::BTreeMap;

impl History {
    /// All schedules of a target.
    pub fn schedules(&self, target: &str) -> Result<BTreeMap<String, ScheduleRecord>> {
        let sql = "select name, settled_us, ready_us, paused_us, paused_by from schedules where target = ?1";
        let rows = self.all(sql, [target], |row| {
            let (at, by): (Option<i64>, Option<String>) = (row.get(3)?, row.get(4)?);
            let record = ScheduleRecord {
                decided_us: row.get(1)?,
                ready_us: row.get(2)?,
                paused: at.map(|at| (at, by.unwrap_or_default())),
            };
            Ok((row.get::<_, String>(0)?, record))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Takes note of the schedules that a target has, by name and trigger. One whose trigger changed begins anew with
    /// its next time; those that are gone are forgotten, with what waited for them.
    pub fn meet_schedules(&self, target: &str, said: &BTreeMap<String, String>, now_us: i64) -> Result<()> {
        self.together(|db| {
            for (name, said) in said {
                db.prepare_cached(
                    "insert into schedules (target, name, said, ready_us) values (?1, ?2, ?3, ?4)
                     on conflict (target, name) do update set said = excluded.said, settled_us = excluded.ready_us,
                     ready_us = excluded.ready_us where said <> excluded.said",
                )?
                .execute(params![target, name, said, now_us])?;
            }
            let known = serde_json::to_string(&said.keys().collect::<Vec<_>>()).expect("names can be written as JSON");
            let gone = "not in (select value from json_each(?2))";
            db.execute(
                &format!("delete from schedules where target = ?1 and name {gone}"),
                params![target, known],
            )?;
            db.execute(
                &format!(
                    "update jobs set state = 'cancelled', ended_us = ?3, said = 'the schedule is no longer in the project'
                     where target = ?1 and state = 'waiting' and schedule is not null and schedule {gone}"
                ),
                params![target, known, now_us],
            )?;
            Ok(())
        })
    }

    /// Pauses a schedule; false if it is paused already or not there.
    pub fn pause(&self, target: &str, name: &str, who: &str, now_us: i64) -> Result<bool> {
        let sql = "update schedules set paused_us = ?4, paused_by = ?3
                   where target = ?1 and name = ?2 and paused_us is null";
        Ok(self.change(sql, params![target, name, who, now_us])? > 0)
    }

    /// Lets a paused schedule go on; false if it is not paused.
    pub fn resume(&self, target: &str, name: &str, now_us: i64) -> Result<bool> {
        let sql = "update schedules set paused_us = null, paused_by = null, ready_us = ?3
                   where target = ?1 and name = ?2 and paused_us is not null";
        Ok(self.change(sql, params![target, name, now_us])? > 0)
    }
}
