//! Committing, also when the answer is lost.

use super::{Staged, run};
use crate::error::{Blame, Result};
use sqlx::{PgConnection, Row};
use std::time::Duration;

impl Staged {
    /// Commits; when the answer is lost, asks the server what became of the transaction.
    pub async fn settle(&self, on: &mut PgConnection) -> Result<()> {
        let fault = |error| self.server.fault("publishing", error);
        let row = sqlx::query("select txid_current()").fetch_one(&mut *on).await.map_err(fault)?;
        let id: i64 = row.get(0);
        let lost = match run(on, "commit").await {
            Ok(()) => return Ok(()),
            Err(error @ sqlx::Error::Database(_)) if !fatal(&error) => return Err(fault(error)),
            Err(error) => error,
        };
        for attempt in 0..40_u64 {
            tokio::time::sleep(Duration::from_millis(50 * (attempt + 1).min(20))).await;
            let Ok(mut again) = self.server.connect("asking for a lost commit").await else { continue };
            let asked = sqlx::query("select txid_status($1)").bind(id).fetch_one(&mut again).await;
            let status: Option<String> = asked.ok().and_then(|row| row.try_get(0).ok()).flatten();
            match status.as_deref() {
                Some("committed") => return Ok(()),
                Some("aborted") => return Err(fault(lost).later()),
                _ => {}
            }
        }
        let hint = format!(
            "look into engine_publications for run `{}`: if it is there, it was published",
            self.publication.run
        );
        Err(self.server.error("publishing", Blame::System, "the answer to COMMIT was lost").hint(hint))
    }
}

fn fatal(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return true };
    error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}
