//! Lists of runs, nodes and log lines, as pages show them.

use super::{History, LogLine};
use crate::error::Result;
use rusqlite::{Row, params};
use serde::Serialize;
use std::time::Duration;

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// When it began, in microseconds since 1970 UTC.
    pub started_us: i64,
    /// `running`, `succeeded`, `failed`, `cancelled`, `interrupted`.
    pub state: String,
    /// How long it took, in microseconds.
    pub took_us: Option<i64>,
    /// The job that it was for.
    pub job: Option<i64>,
    /// Its schedule.
    pub schedule: Option<String>,
    /// Why it was wanted; `None` if it was typed in a terminal.
    pub cause: Option<String>,
    /// Who asked for it.
    pub asked_by: Option<String>,
    /// Nodes that were made.
    pub succeeded: u64,
    /// Nodes that were reused.
    pub reused: u64,
    /// Nodes that failed.
    pub failed: u64,
    /// Nodes that were skipped.
    pub skipped: u64,
}

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this state.
    pub state: Option<String>,
    /// Of this schedule.
    pub schedule: Option<String>,
    /// Older than this run.
    pub before: Option<String>,
}

/// What a node did in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeRun {
    /// The run.
    pub run: String,
    /// `model.mart_average_check`.
    pub node: String,
    /// `succeeded`, `reused`, `failed`, `skipped`.
    pub status: String,
    /// Rows written.
    pub rows: Option<u64>,
    /// Events read, by streams.
    pub events: Option<u64>,
    /// Rows that went to the dead letters.
    pub rejected: Option<u64>,
    /// When it began; `None` if an older engine wrote it.
    pub started_us: Option<i64>,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// A few words, or the failure's message.
    pub note: Option<String>,
    /// `count` or `digest`, then the digest of source and target.
    pub verdict: Option<String>,
}

const RUNS: &str = "select id, started_us, state, took_us, job, schedule, cause, asked_by,
    (select count(*) from nodes where run = id and status = 'succeeded'),
    (select count(*) from nodes where run = id and status = 'reused'),
    (select count(*) from nodes where run = id and status = 'failed'),
    (select count(*) from nodes where run = id and status = 'skipped') from runs";
const NODES: &str = "select run, node, status, rows, events, rejected, started_us, took_us, note, verdict from nodes";

fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        started_us: row.get(1)?,
        state: row.get(2)?,
        took_us: row.get(3)?,
        job: row.get(4)?,
        schedule: row.get(5)?,
        cause: row.get(6)?,
        asked_by: row.get(7)?,
        succeeded: row.get(8)?,
        reused: row.get(9)?,
        failed: row.get(10)?,
        skipped: row.get(11)?,
    })
}

fn node(row: &Row<'_>) -> rusqlite::Result<NodeRun> {
    Ok(NodeRun {
        run: row.get(0)?,
        node: row.get(1)?,
        status: row.get(2)?,
        rows: row.get(3)?,
        events: row.get(4)?,
        rejected: row.get(5)?,
        started_us: row.get(6)?,
        took_us: row.get(7)?,
        note: row.get(8)?,
        verdict: row.get(9)?,
    })
}

impl History {
    /// Runs, newest first.
    pub fn run_rows(&self, filter: &RunFilter, limit: u32) -> Result<Vec<RunRow>> {
        let before = "(select started_us from runs where id = ?3)";
        let sql = format!(
            "{RUNS} where (?1 is null or state = ?1) and (?2 is null or schedule = ?2)
             and (?3 is null or started_us < {before} or (started_us = {before} and id < ?3))
             order by started_us desc, id desc limit ?4"
        );
        self.all(&sql, params![filter.state, filter.schedule, filter.before, limit], run)
    }

    /// The runs whose id begins so; no more than two.
    pub fn runs_named(&self, begins: &str) -> Result<Vec<RunRow>> {
        let end = format!("{begins}\u{10ffff}");
        self.all(&format!("{RUNS} where id >= ?1 and id < ?2 order by id limit 2"), params![begins, end], run)
    }

    /// The nodes of a run that have ended, in the order in which they did.
    pub fn node_runs(&self, run: &str) -> Result<Vec<NodeRun>> {
        self.all(&format!("{NODES} where run = ?1 order by rowid"), [run], node)
    }

    /// What a node did in its last runs, newest first.
    pub fn runs_of_node(&self, id: &str, limit: u32) -> Result<Vec<NodeRun>> {
        self.all(&format!("{NODES} where node = ?1 order by run desc limit ?2"), params![id, limit], node)
    }

    /// What a node did the last time that it was not skipped.
    pub fn last_of_node(&self, id: &str) -> Result<Option<NodeRun>> {
        let sql = format!("{NODES} where node = ?1 and status <> 'skipped' order by run desc limit 1");
        self.one(&sql, [id], node)
    }

    /// How many runs of each state began on each day since then; days are counted from 1970 UTC, shifted.
    pub fn days(&self, since_us: i64, shift_us: i64) -> Result<Vec<(i64, String, u64)>> {
        let sql = "select (started_us + ?2) / 86400000000 as day, state, count(*) from runs where started_us >= ?1
            group by day, state order by day, state";
        self.all(sql, params![since_us, shift_us], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }

    /// Lines of a run's log after that number, oldest first, each with its number.
    pub fn log_after(&self, run: &str, after: i64, limit: u32) -> Result<Vec<(i64, LogLine)>> {
        let sql = "select rowid, at_us, level, node, message from logs where run = ?1 and rowid > ?2
            order by rowid limit ?3";
        self.all(sql, params![run, after, limit], |row| {
            let line = LogLine { at_us: row.get(1)?, level: row.get(2)?, node: row.get(3)?, message: row.get(4)? };
            Ok((row.get(0)?, line))
        })
    }

    /// How long the last successful runs of a schedule took in the middle; `None` without any.
    pub fn usual_duration(&self, schedule: &str) -> Result<Option<Duration>> {
        let sql = "select took_us from runs where schedule = ?1 and state = 'succeeded' and took_us is not null
            order by started_us desc limit 21";
        let mut took: Vec<i64> = self.all(sql, [schedule], |row| row.get(0))?;
        took.sort_unstable();
        Ok(took.get(took.len() / 2).map(|us| Duration::from_micros(us.unsigned_abs())))
    }
}
