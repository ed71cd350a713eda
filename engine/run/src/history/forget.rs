//! What is not remembered for ever.

use super::History;
use crate::error::Result;
use engine_language::config::settings::Kept;
use rusqlite::params;

/// Who did what is remembered at least so long.
const AUDIT_US: i64 = 400 * 86_400 * 1_000_000;

impl History {
    /// Forgets runs that are older than wanted or too many, and what belongs to them. Looks at streams are counted by themselves:
    /// there is one every few seconds, and the others would be gone within hours.
    pub fn forget_old(&self, kept: Kept, now_us: i64) -> Result<usize> {
        let age = i64::try_from(kept.age.as_micros()).unwrap_or(i64::MAX);
        let since = now_us.saturating_sub(age);
        self.together(|db| {
            db.execute_batch("create temp table if not exists old_runs (id text primary key); delete from old_runs;")?;
            let sql = "insert into old_runs select id from runs where started_us < ?1
                union select id from (select id, row_number() over (partition by cause is 'continuous'
                    order by started_us desc) as place from runs) where place > ?2";
            let runs = db.execute(sql, params![since, kept.runs])?;
            if runs > 0 {
                for table in ["logs", "nodes"] {
                    db.execute(&format!("delete from {table} where run in (select id from old_runs)"), [])?;
                }
                db.execute("delete from runs where id in (select id from old_runs)", [])?;
            }
            let over = "state not in ('waiting', 'running') and created_us < ?1";
            db.execute(&format!("delete from jobs where {over}"), [since])?;
            db.execute("delete from alerts where state <> 'waiting' and at_us < ?1", [since])?;
            db.execute("delete from audit where at_us < ?1", [now_us.saturating_sub(age.max(AUDIT_US))])?;
            Ok(runs)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::history::History;
    use engine_language::config::settings::Kept;
    use std::time::Duration;

    #[test]
    fn runs_are_forgotten_by_age_and_by_number() {
        let history = History::in_memory().unwrap();
        let hour = 3_600_000_000;
        for i in 0..20 {
            let sql = "insert into runs (id, started_us, state) values (?1, ?2, 'succeeded')";
            history.change(sql, rusqlite::params![format!("{i:02}"), i * hour]).unwrap();
            history.change("insert into logs values (?1, 0, 'info', null, 'x')", [format!("{i:02}")]).unwrap();
        }
        let left = |runs, hours| {
            history.forget_old(Kept { runs, age: Duration::from_hours(hours) }, 20 * hour).unwrap();
            let logs = history.one("select count(*) from logs", [], |row| row.get::<_, usize>(0)).unwrap();
            let runs = history.runs(100).unwrap();
            assert_eq!(logs, Some(runs.len()));
            (runs.len(), runs.last().map(|run| run.id.clone()))
        };
        assert_eq!(left(100, 1000), (20, Some("00".into())));
        assert_eq!(left(100, 12), (12, Some("08".into())), "by age");
        assert_eq!(left(5, 12), (5, Some("15".into())), "by number");
        history.change("update runs set cause = 'continuous' where id in ('16', '17', '18')", []).unwrap();
        assert_eq!(left(2, 12), (4, Some("15".into())), "two looks at streams, and two others");
    }
}
