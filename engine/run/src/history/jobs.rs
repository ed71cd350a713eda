//! The runs that are wanted: by a schedule whose time has come, by another that ended, by hand, by a backfill.

use super::History;
use crate::{
    error::Result,
    schedule::{
        Tick,
        record::{Cause, Job, JobRequest, JobState, NewJob, RunEnd},
        store::End,
    },
};
use rusqlite::{Connection, Row, params};

const COLUMNS: &str = "id, schedule, cause, batch, at_us, from_us, wanted, asked_by, state, ready_us, failures, cuts,
    late, run, started_us, ended_us, said";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let (request, state): (String, String) = (row.get(6)?, row.get(8)?);
    Ok(Job {
        id: row.get(0)?,
        schedule: row.get(1)?,
        cause: Cause::parse(&row.get::<_, String>(2)?),
        batch: row.get(3)?,
        tick: Tick { at_us: row.get(4)?, from_us: row.get(5)? },
        request: JobRequest::parse(&request).map_err(|error| unreadable(6, error.into()))?,
        asked_by: row.get(7)?,
        state: JobState::parse(&state).ok_or_else(|| unreadable(8, state.into()))?,
        ready_us: row.get(9)?,
        failures: row.get(10)?,
        cuts: row.get(11)?,
        late: row.get(12)?,
        run: row.get(13)?,
        started_us: row.get(14)?,
        ended_us: row.get(15)?,
        reason: row.get(16)?,
    })
}

/// Adds a job that is over.
pub(super) fn insert_ended(
    db: &Connection,
    target: &str,
    new: &NewJob,
    (run, end): (&str, &End),
    now_us: i64,
) -> rusqlite::Result<()> {
    let id = insert(db, target, new, now_us)?;
    let sql = "update jobs set state = ?2, run = ?3, said = ?4, failures = ?5, started_us = ?6, ended_us = ?6
        where id = ?1";
    let row = params![id, end.state().word(), run, end.reason(), end.is_failure(), now_us];
    db.prepare_cached(sql)?.execute(row).map(drop)
}

fn unreadable(column: usize, why: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why)
}

/// Adds a job.
pub(super) fn insert(db: &Connection, target: &str, new: &NewJob, now_us: i64) -> rusqlite::Result<i64> {
    let request = serde_json::to_string(&new.request).expect("plain data can be written as JSON");
    let sql = "insert into jobs (target, schedule, cause, batch, at_us, from_us, wanted, asked_by, state, ready_us,
        created_us) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'waiting', ?9, ?9)";
    let row = params![
        target,
        new.schedule,
        new.cause.word(),
        new.batch,
        new.tick.at_us,
        new.tick.from_us,
        request,
        new.asked_by,
        now_us
    ];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(db.last_insert_rowid())
}

impl History {
    /// Jobs that wait or are at work, oldest first.
    pub fn open_jobs(&self, target: &str) -> Result<Vec<Job>> {
        let sql =
            format!("select {COLUMNS} from jobs where target = ?1 and state in ('waiting', 'running') order by id");
        self.all(&sql, [target], job)
    }

    /// A job.
    pub fn job(&self, id: i64) -> Result<Option<Job>> {
        self.one(&format!("select {COLUMNS} from jobs where id = ?1"), [id], job)
    }

    /// The last jobs of a schedule, newest first.
    pub fn jobs_of(&self, target: &str, schedule: &str, limit: u32) -> Result<Vec<Job>> {
        let sql = format!("select {COLUMNS} from jobs where target = ?1 and schedule = ?2 order by id desc limit ?3");
        self.all(&sql, params![target, schedule, limit], job)
    }

    /// Notes jobs that somebody asks for; answers their numbers.
    pub fn want(&self, target: &str, jobs: &[NewJob], now_us: i64) -> Result<Vec<i64>> {
        self.together(|db| jobs.iter().map(|new| insert(db, target, new, now_us)).collect())
    }

    /// Takes back jobs that wait: one, or all of a backfill. Answers how many.
    pub fn unwant(&self, job: Option<i64>, batch: Option<&str>, said: &str, now_us: i64) -> Result<usize> {
        let sql = "update jobs set state = 'cancelled', ended_us = ?4, said = ?3
            where state = 'waiting' and (id = ?1 or batch = ?2)";
        self.change(sql, params![job, batch, said, now_us])
    }

    /// Backfills that are not done: name, schedule, how many intervals are done, and of how many.
    pub fn backfills(&self, target: &str) -> Result<Vec<(String, String, u64, u64)>> {
        let sql = "select batch, schedule, sum(state not in ('waiting', 'running')), count(*) from jobs
            where batch in (select batch from jobs where target = ?1 and state in ('waiting', 'running'))
            group by batch order by batch";
        self.all(sql, [target], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
    }

    /// The word for how a run ended; `None` if it is at work, or did not end by itself.
    pub fn run_state(&self, run: &str) -> Result<Option<String>> {
        let sql = "select state from runs where id = ?1 and state not in ('running', 'interrupted')";
        self.one(sql, [run], |row| row.get(0))
    }

    /// How a run ended; `None` if it is at work, or did not end by itself.
    pub fn run_end(&self, run: &str) -> Result<Option<RunEnd>> {
        Ok(match self.run_state(run)?.as_deref() {
            Some("succeeded") => Some(RunEnd::Succeeded),
            Some("failed" | "cancelled") => Some(RunEnd::Failed),
            _ => None,
        })
    }
}
