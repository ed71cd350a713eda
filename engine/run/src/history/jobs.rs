//! The runs that are wanted: by a schedule whose time has come, by another that ended, by hand, by a backfill.

use super::{History, state};
use crate::{error::Result, schedule::Tick};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a job is to do beyond what its schedule says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Nodes, in selection syntax; empty is what the schedule selects, or everything.
    pub select: Vec<String>,
    /// Values for `var('name')`, on top of the project's.
    pub vars: BTreeMap<String, String>,
    /// Everything is made anew.
    pub full_refresh: bool,
    /// Only what this run did not bring to a good end.
    pub retry_of: Option<String>,
}

/// A run that is wanted, at work, or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// Its schedule; `None` if somebody asked for nodes.
    pub schedule: Option<String>,
    /// Why it is wanted.
    pub cause: Cause,
    /// The backfill that it is a part of.
    pub batch: Option<String>,
    /// What it stands for.
    pub tick: Tick,
    /// What it is to do.
    pub wanted: Wanted,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// `waiting`, `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// It does not begin before.
    pub ready_us: i64,
    /// How often it failed.
    pub failures: u32,
    /// How often it was cut off.
    pub cuts: u32,
    /// Whether it was said to be late.
    pub late: bool,
    /// Its last run.
    pub run: Option<String>,
    /// When its first run began.
    pub started_us: Option<i64>,
    /// When it ended for good.
    pub ended_us: Option<i64>,
    /// Why it failed, in one sentence.
    pub said: Option<String>,
}

/// Why a run is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The time of its schedule has come.
    Due,
    /// The schedule that it comes after has succeeded.
    After,
    /// Somebody asked for it.
    Hand,
    /// It is an interval of a backfill.
    Backfill,
}

impl Cause {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::After => "after",
            Self::Hand => "hand",
            Self::Backfill => "backfill",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "due" => Self::Due,
            "after" => Self::After,
            "backfill" => Self::Backfill,
            _ => Self::Hand,
        }
    }
}

/// A job that is not there yet.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its schedule.
    pub schedule: Option<String>,
    /// Why it is wanted.
    pub cause: Cause,
    /// The backfill that it is a part of.
    pub batch: Option<String>,
    /// What it stands for.
    pub tick: Tick,
    /// What it is to do.
    pub wanted: Wanted,
    /// Who asked for it.
    pub asked_by: Option<String>,
}

const COLUMNS: &str = "id, schedule, cause, batch, at_us, from_us, wanted, asked_by, state, ready_us, failures, cuts,
    late, run, started_us, ended_us, said";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let wanted: String = row.get(6)?;
    Ok(Job {
        id: row.get(0)?,
        schedule: row.get(1)?,
        cause: Cause::read(&row.get::<_, String>(2)?),
        batch: row.get(3)?,
        tick: Tick { at_us: row.get(4)?, from_us: row.get(5)? },
        wanted: serde_json::from_str(&wanted).unwrap_or_default(),
        asked_by: row.get(7)?,
        state: row.get(8)?,
        ready_us: row.get(9)?,
        failures: row.get(10)?,
        cuts: row.get(11)?,
        late: row.get(12)?,
        run: row.get(13)?,
        started_us: row.get(14)?,
        ended_us: row.get(15)?,
        said: row.get(16)?,
    })
}

/// Notes a job; the same tick of the same schedule is noted once.
pub(super) fn insert(db: &Connection, target: &str, new: &NewJob, now_us: i64) -> rusqlite::Result<i64> {
    let wanted = serde_json::to_string(&new.wanted).expect("plain data can be written as JSON");
    let sql = "insert into jobs (target, schedule, cause, batch, at_us, from_us, wanted, asked_by, state, ready_us,
        created_us) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'waiting', ?9, ?9) on conflict do nothing";
    let row = params![
        target,
        new.schedule,
        new.cause.word(),
        new.batch,
        new.tick.at_us,
        new.tick.from_us,
        wanted,
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

    /// Settles ticks and notes the jobs that they make: all of it or nothing, so that a tick is neither lost nor
    /// taken twice.
    pub fn claim(&self, target: &str, ticks: &[(String, Tick)], now_us: i64) -> Result<()> {
        self.together(|db| {
            for (schedule, tick) in ticks {
                let sql = "update schedules set settled_us = ?3 where target = ?1 and name = ?2";
                db.prepare_cached(sql)?.execute(params![target, schedule, tick.at_us])?;
                let due = NewJob {
                    schedule: Some(schedule.clone()),
                    cause: Cause::Due,
                    batch: None,
                    tick: *tick,
                    wanted: Wanted::default(),
                    asked_by: None,
                };
                insert(db, target, &due, now_us)?;
            }
            Ok(())
        })
    }

    /// Notes jobs that somebody asks for; answers their numbers.
    pub fn want(&self, target: &str, jobs: &[NewJob], now_us: i64) -> Result<Vec<i64>> {
        self.together(|db| jobs.iter().map(|new| insert(db, target, new, now_us)).collect())
    }

    /// Notes that jobs begin, each with the id of its run.
    pub fn begin(&self, begun: &[(i64, String)], now_us: i64) -> Result<()> {
        self.together(|db| {
            for (id, run) in begun {
                let sql = "update jobs set state = 'running', run = ?2, started_us = coalesce(started_us, ?3)
                    where id = ?1";
                db.prepare_cached(sql)?.execute(params![id, run, now_us])?;
            }
            Ok(())
        })
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

    /// How a run ended, if it is known to have ended.
    pub fn run_state(&self, run: &str) -> Result<Option<String>> {
        let sql = "select state from runs where id = ?1";
        let state: Option<String> = self.db().query_row(sql, [run], |row| row.get(0)).optional().map_err(state)?;
        Ok(state.filter(|state| !matches!(state.as_str(), "running" | "interrupted")))
    }
}
