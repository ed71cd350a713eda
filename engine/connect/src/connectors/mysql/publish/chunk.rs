//! Rows in chunks of one transaction, each of which is taken or was never written.

use super::{
    Stage, Staged,
    apply::{Applied, create_missing},
    change::{change, index_keys, settle_keys},
};
use crate::{
    connectors::mysql::{server::run, statement::quote},
    hub::{
        error::{Blame, Result},
        publication::Target,
    },
};
use engine_language::name::Name;
use sqlx::MySqlConnection;
use std::sync::atomic::Ordering;

/// Where a chunk is taken back to.
const SAVEPOINT: &str = "engine_part";

impl Staged {
    /// Changes the table by what is in staging, or takes back what of that was done.
    pub(super) async fn take_chunk(&self, table: &Name) -> Result<()> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let fault = |error| self.fault(target, stage, error);
        self.begin_chunks().await?;
        let mut connection = self.pool.take().await;
        let on = connection.on();
        run(on, format!("savepoint {SAVEPOINT}")).await.map_err(fault)?;
        let done = self.change_chunk(on, target, stage).await;
        // After an error that ended the transaction there is nothing to go back to.
        let data = done.as_ref().is_err_and(|error| error.blame == Blame::Data);
        if done.is_err() && !data {
            return done;
        }
        let back = if data { format!("rollback to savepoint {SAVEPOINT}; ") } else { String::new() };
        let end = format!("{back}release savepoint {SAVEPOINT}; delete from {}", quote(&stage.name));
        run(on, end).await.map_err(fault)?;
        if data {
            stage.rows.store(stage.taken.load(Ordering::Relaxed), Ordering::Relaxed);
        } else {
            stage.taken.store(stage.rows.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        done
    }

    async fn change_chunk(&self, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
        settle_keys(self, on, target, stage).await?;
        change(self, on, target, stage).await.map_err(|(error, _)| error)
    }

    /// Empties staging.
    pub(super) async fn forget_chunk(&self, table: &Name) -> Result<()> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let mut connection = self.pool.take().await;
        let done = run(connection.on(), format!("delete from {}", quote(&stage.name))).await;
        done.map_err(|error| self.fault(target, stage, error))?;
        stage.rows.store(stage.taken.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }

    /// Opens the transaction that `commit` ends. It sees what writers of staging, which have their own, commit meanwhile, and
    /// holds no gaps in which they write.
    async fn begin_chunks(&self) -> Result<()> {
        let begun = self.applied.get_or_try_init(|| async {
            let mut connection = self.pool.take().await;
            for (target, stage) in self.pairs() {
                index_keys(self, connection.on(), target, stage).await?;
            }
            create_missing(self, connection.on()).await?;
            let begin = "set transaction isolation level read committed; start transaction";
            run(connection.on(), begin).await.map_err(|error| self.server.fault("publishing", error))?;
            Ok(Applied::Rows)
        });
        begun.await.map(drop)
    }
}
