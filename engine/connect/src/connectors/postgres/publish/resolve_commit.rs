//! Committing, also when the answer is lost.

use super::{Staged, run, system_tables::PUBLICATIONS};
use crate::{
    connectors::postgres::{statement::within, write_counters},
    hub::error::{Blame, Result},
};
use sqlx::{
    AssertSqlSafe, PgConnection, Row,
    postgres::{PgDatabaseError, PgSeverity},
};
use std::time::Duration;

/// How often the server is asked, for about two minutes: as long as one needs to come up again.
const ATTEMPTS: u32 = 130;
/// How often it is asked before a session that still stands is ended.
const PATIENCE: u32 = 8;
/// The longest pause between two.
const PAUSE: Duration = Duration::from_secs(1);

impl Staged {
    /// Commits; when the answer is lost, asks the server what became of the transaction.
    pub(super) async fn settle(&self, on: &mut PgConnection) -> Result<()> {
        let fault = |error| self.server.fault("publishing", error);
        write_counters::hand_in(&self.server, on).await.map_err(fault)?;
        let lost = match run(on, "commit").await {
            Ok(()) => return Ok(()),
            Err(error) if is_answer(&error) => return Err(fault(error)),
            Err(error) => error,
        };
        for attempt in 1..=ATTEMPTS {
            tokio::time::sleep((Duration::from_millis(50) * attempt).min(PAUSE)).await;
            let Ok(mut again) = self.server.connect("asking for a lost commit").await else { continue };
            match self.published(&mut again, attempt > PATIENCE).await {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => return Err(fault(lost).later()),
                Ok(None) | Err(_) => {}
            }
        }
        let hint =
            format!("look into {PUBLICATIONS} for publication `{:016x}`: if it is there, it was published", self.id);
        Err(self.server.error("publishing", Blame::System, "the answer to COMMIT was lost").hint(hint))
    }

    /// Whether the marker of this publication stands; `None` while the session that was told to commit may still do so. A
    /// transaction's number would not do: a server that was killed may give it to another.
    async fn published(&self, on: &mut PgConnection, end: bool) -> sqlx::Result<Option<bool>> {
        let over = sqlx::query("select pg_try_advisory_lock($1)").bind(self.id).fetch_one(&mut *on).await?;
        if !over.try_get::<bool, _>(0)? {
            if end {
                // Its other end is us, and we have left. Whether it has committed by then, the marker says.
                let sql = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted \
                           and objsubid = 1 and (classid::int8 << 32 | objid::int8) = $1 \
                           and database = (select oid from pg_database where datname = current_database())";
                sqlx::query(sql).bind(self.id).fetch_all(on).await?;
            }
            return Ok(None);
        }
        let table = within(self.server.schema(), PUBLICATIONS);
        let sql = format!("select exists (select from {table} where publication = $1)");
        let stands = sqlx::query(AssertSqlSafe(sql)).bind(format!("{:016x}", self.id)).fetch_one(on).await?;
        stands.try_get(0).map(Some)
    }
}

/// Whether the server has said what became of the transaction, and not that the session ends.
fn is_answer(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}
