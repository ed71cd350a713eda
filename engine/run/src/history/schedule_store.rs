//! The records of one target as the scheduler reads and writes them.

use super::{
    History,
    jobs::{insert, insert_ended},
};
use crate::{
    error::{Error, Result},
    schedule::{
        record::{Job, RunEnd, ScheduleRecord},
        store::{Applied, Change, Store},
    },
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// The records of one target.
#[derive(Clone, Copy, Debug)]
pub struct TargetRecords<'a> {
    /// The records.
    pub history: &'a History,
    /// The target.
    pub target: &'a str,
}

impl Store for TargetRecords<'_> {
    type Error = Error;

    fn schedules(&self) -> Result<BTreeMap<String, ScheduleRecord>> {
        self.history.schedules(self.target)
    }

    fn open_jobs(&self) -> Result<Vec<Job>> {
        self.history.open_jobs(self.target)
    }

    fn run_end(&self, run: &str) -> Result<Option<RunEnd>> {
        self.history.run_end(run)
    }

    fn apply(&self, changes: &[Change], now_us: i64) -> Result<Applied> {
        self.history.all_or_none(|db| {
            for (at, change) in changes.iter().enumerate() {
                if !apply(db, self.target, change, now_us)? {
                    return Ok((Applied::Stale(at), false));
                }
            }
            Ok((Applied::All, true))
        })
    }
}

/// Makes a change; false if it does not fit what is recorded.
fn apply(db: &Connection, target: &str, change: &Change, now_us: i64) -> rusqlite::Result<bool> {
    let rows = match change {
        Change::Decide { schedule, from_us, to_us } => db
            .prepare_cached(
                "update schedules set settled_us = ?4 where target = ?1 and name = ?2 and settled_us is ?3",
            )?
            .execute(params![target, schedule, from_us, to_us])?,
        Change::Ready { schedule, at_us } => {
            let sql = "update schedules set ready_us = ?3 where target = ?1 and name = ?2";
            db.prepare_cached(sql)?.execute(params![target, schedule, at_us])?;
            1
        }
        Change::AllReady { at_us } => {
            let sql = "update schedules set ready_us = max(ready_us, ?2) where target = ?1";
            db.prepare_cached(sql)?.execute(params![target, at_us])?;
            1
        }
        Change::Add(new) => {
            insert(db, target, new, now_us)?;
            1
        }
        Change::AddEnded { job, run, end } => {
            insert_ended(db, target, job, (run, end), now_us)?;
            1
        }
        Change::Alert { schedule, job, run, kind, reason } => db
            .prepare_cached(
                "insert into alerts (target, schedule, job, run, kind, said, at_us, ready_us)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            )?
            .execute(params![target, schedule, job, run, kind, reason, now_us])?,
        of_job => change_job(db, of_job, now_us)?,
    };
    Ok(rows > 0)
}

/// Changes a job; answers how many rows that were.
fn change_job(db: &Connection, change: &Change, now_us: i64) -> rusqlite::Result<usize> {
    match change {
        Change::Extend { job, tick } => db
            .prepare_cached(
                "update jobs set at_us = max(at_us, ?2), from_us = min(from_us, ?3)
                 where id = ?1 and state = 'waiting' and run is null",
            )?
            .execute(params![job, tick.at_us, tick.from_us]),
        Change::Begin { job, run } => db
            .prepare_cached(
                "update jobs set state = 'running', run = ?2, started_us = coalesce(started_us, ?3)
                 where id = ?1 and state = 'waiting'",
            )?
            .execute(params![job, run, now_us]),
        Change::End { job, run, end } => {
            let state = end.state();
            let over = (!state.is_open()).then_some(now_us);
            let (reason, ready_us) = (end.reason(), end.ready_us(now_us));
            db.prepare_cached(
                "update jobs set state = ?3, said = coalesce(?4, said), ready_us = ?5, failures = failures + ?6,
                 cuts = cuts + ?7, ended_us = ?8 where id = ?1 and state = 'running' and run is ?2",
            )?
            .execute(params![
                job,
                run,
                state.word(),
                reason,
                ready_us,
                end.is_failure(),
                end.is_cut(),
                over
            ])
        }
        Change::Withdraw { job, reason } => db
            .prepare_cached(
                "update jobs set state = 'cancelled', ended_us = ?3, said = ?2 where id = ?1 and state = 'waiting'",
            )?
            .execute(params![job, reason, now_us]),
        Change::Late { job } => db.prepare_cached("update jobs set late = 1 where id = ?1")?.execute([job]),
        _ => Ok(0),
    }
}

impl History {
    /// Notes that somebody is to be told of a failure that belongs to no job.
    pub fn raise(&self, target: &str, schedule: &str, run: Option<&str>, said: &str, now_us: i64) -> Result<()> {
        let sql = "insert into alerts (target, schedule, run, kind, said, at_us, ready_us)
            values (?1, ?2, ?3, 'failed', ?4, ?5, ?5)";
        self.change(sql, params![target, schedule, run, said, now_us]).map(drop)
    }
}
