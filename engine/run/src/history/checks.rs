//! How each check went the last time.

use super::History;
use crate::{error::Result, report::CheckReport};
use engine_language::{graph::NodeId, model::CheckSeverity};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::collections::BTreeSet;

/// A check, as it went the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckRecord {
    /// The node.
    pub node: String,
    /// What it checks.
    pub name: String,
    /// `error` or `warn`.
    pub severity: String,
    /// Rows that break it; 0 is passed.
    pub failing: u64,
    /// A few of them, drawn as text.
    pub examples: String,
    /// The run.
    pub run: String,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Since when it passes, or breaks.
    pub since_us: i64,
}

/// Keeps how checks went.
pub(super) fn keep(
    db: &Connection,
    target: &str,
    node: &NodeId,
    checks: &[CheckReport],
    run: &str,
    at_us: i64,
) -> rusqlite::Result<()> {
    let sql = "insert into checks values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
        on conflict (target, node, name) do update set severity = excluded.severity, failing = excluded.failing,
        examples = excluded.examples, run = excluded.run, at_us = excluded.at_us,
        since_us = iif((failing > 0) = (excluded.failing > 0), since_us, excluded.at_us)";
    let mut statement = db.prepare_cached(sql)?;
    for check in checks {
        let severity = if check.severity == CheckSeverity::Error { "error" } else { "warn" };
        let examples = check.examples.join("\n");
        let row = params![target, node.to_string(), check.name, severity, check.failing, examples, run, at_us];
        statement.execute(row)?;
    }
    Ok(())
}

/// Those of the checks that a project declares now.
#[must_use]
pub fn current(records: Vec<CheckRecord>, declared: &BTreeSet<(String, String)>) -> Vec<CheckRecord> {
    records.into_iter().filter(|check| declared.contains(&(check.node.clone(), check.name.clone()))).collect()
}

impl History {
    /// How each check of a target went the last time, those that break first; of one node, if it is named. Checks that
    /// were edited or removed are among them: [`current`] leaves them out.
    pub fn checks(&self, target: &str, node: Option<&str>) -> Result<Vec<CheckRecord>> {
        let sql = "select node, name, severity, failing, examples, run, at_us, since_us from checks
            where target = ?1 and (?2 is null or node = ?2) order by failing = 0, severity, node, name";
        self.all(sql, params![target, node], |row| {
            Ok(CheckRecord {
                node: row.get(0)?,
                name: row.get(1)?,
                severity: row.get(2)?,
                failing: row.get(3)?,
                examples: row.get(4)?,
                run: row.get(5)?,
                at_us: row.get(6)?,
                since_us: row.get(7)?,
            })
        })
    }
}
