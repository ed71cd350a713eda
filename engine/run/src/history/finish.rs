//! How jobs end: for good, or to be tried again.

use super::{
    History,
    jobs::{Cause, Job, NewJob, Wanted, insert},
};
use crate::{error::Result, redact::Mask, schedule::Tick};
use rusqlite::{OptionalExtension as _, Transaction, params};

/// What becomes of a job whose run has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done.
    Succeeded,
    /// It failed for good.
    Failed(String),
    /// It failed, and is tried again at that time.
    Again {
        /// Why.
        said: String,
        /// When.
        ready_us: i64,
    },
    /// The service stopped under it, and it goes on with the next one.
    Stopped,
    /// It was cut off, and goes on at once.
    Cut,
    /// It was cut off, and does not go on.
    Interrupted,
    /// Somebody cancelled it.
    Cancelled(String),
}

impl End {
    /// The same without what came from the environment.
    #[must_use]
    pub fn hiding(mut self, mask: &Mask) -> Self {
        if let Self::Failed(said) | Self::Again { said, .. } = &mut self {
            *said = mask.text(said);
        }
        self
    }
}

/// What follows from a job's end.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    /// Schedules that come after its own, and whether each of its runs wakes them once, even if they still wait.
    pub after: Vec<(String, bool)>,
    /// Whether somebody is told of a failure.
    pub alert: bool,
}

impl History {
    /// Notes a job's end and all that follows from it, in one step.
    pub fn end(&self, target: &str, job: &Job, end: &End, follow: &Follow, now_us: i64) -> Result<()> {
        self.together(|db| {
            let (state, said, ready_us) = match end {
                End::Succeeded => ("succeeded", None, now_us),
                End::Failed(said) => ("failed", Some(said), now_us),
                End::Again { said, ready_us } => ("waiting", Some(said), *ready_us),
                End::Stopped | End::Cut => ("waiting", None, now_us),
                End::Interrupted => ("interrupted", None, now_us),
                End::Cancelled(said) => ("cancelled", Some(said), now_us),
            };
            let failed = matches!(end, End::Failed(_) | End::Again { .. });
            let cut = matches!(end, End::Cut | End::Interrupted);
            let over = (state != "waiting").then_some(now_us);
            db.prepare_cached(
                "update jobs set state = ?2, said = coalesce(?3, said), ready_us = ?4, failures = failures + ?5,
                 cuts = cuts + ?6, ended_us = ?7 where id = ?1",
            )?
            .execute(params![job.id, state, said, ready_us, failed, cut, over])?;
            let Some(schedule) = &job.schedule else { return Ok(()) };
            if over.is_some() {
                let sql = "update schedules set ready_us = ?3 where target = ?1 and name = ?2";
                db.prepare_cached(sql)?.execute(params![target, schedule, now_us])?;
            }
            if *end == End::Succeeded {
                for (after, each) in &follow.after {
                    wake(db, target, after, *each, job, now_us)?;
                }
            }
            if let End::Failed(said) = end
                && follow.alert
            {
                alert(db, target, job, "failed", said, now_us)?;
            }
            Ok(())
        })
    }

    /// Notes that a job is late, and that somebody is to be told.
    pub fn late(&self, target: &str, job: &Job, said: &str, now_us: i64) -> Result<()> {
        self.together(|db| {
            db.execute("update jobs set late = 1 where id = ?1", [job.id])?;
            alert(db, target, job, "late", said, now_us)
        })
    }
}

impl History {
    /// Notes that somebody is to be told of a failure that belongs to no job.
    pub fn raise(&self, target: &str, schedule: &str, run: Option<&str>, said: &str, now_us: i64) -> Result<()> {
        let sql = "insert into alerts (target, schedule, run, kind, said, at_us, ready_us)
            values (?1, ?2, ?3, 'failed', ?4, ?5, ?5)";
        self.change(sql, params![target, schedule, run, said, now_us]).map(drop)
    }

    /// Notes that a run broke off without saying so.
    pub fn break_off(&self, run: &str) -> Result<()> {
        self.change("update runs set state = 'failed' where id = ?1 and state = 'running'", [run]).map(drop)
    }
}

/// Wakes a schedule that comes after another. Unless each run counts, one that still waits stands for both.
fn wake(
    db: &Transaction<'_>,
    target: &str,
    schedule: &str,
    each: bool,
    before: &Job,
    now_us: i64,
) -> rusqlite::Result<()> {
    let sql = "select id from jobs where target = ?1 and schedule = ?2 and cause = 'after' and state = 'waiting'
        and run is null order by id limit 1";
    let waiting: Option<i64> = db.query_row(sql, params![target, schedule], |row| row.get(0)).optional()?;
    let Tick { at_us, from_us } = before.tick;
    if let Some(id) = waiting.filter(|_| !each) {
        let sql = "update jobs set at_us = max(at_us, ?2), from_us = min(from_us, ?3) where id = ?1";
        return db.execute(sql, params![id, at_us, from_us]).map(drop);
    }
    let new = NewJob {
        schedule: Some(schedule.to_owned()),
        cause: Cause::After,
        batch: None,
        tick: before.tick,
        wanted: Wanted { vars: before.wanted.vars.clone(), ..Wanted::default() },
        asked_by: None,
    };
    insert(db, target, &new, now_us).map(drop)
}

fn alert(db: &Transaction<'_>, target: &str, job: &Job, kind: &str, said: &str, now_us: i64) -> rusqlite::Result<()> {
    let sql = "insert into alerts (target, schedule, job, run, kind, said, at_us, ready_us)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
    db.execute(sql, params![target, job.schedule, job.id, job.run, kind, said, now_us]).map(drop)
}
