//! Rows in chunks of one transaction, each of which is taken or was never written.

use super::{Staged, publish_lock::Found};
use crate::{
    connectors::postgres::{statement::within, table_swap::run},
    hub::error::Result,
};
use engine_language::name::Name;
use std::sync::atomic::Ordering;

/// Where a chunk is taken back to.
const SAVEPOINT: &str = "engine_part";

impl Staged {
    /// Changes the table by what is in staging, or takes back what of that was done.
    pub async fn take_chunk(&self, table: &Name) -> Result<()> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let fault = |error| self.fault(target, stage, error);
        let there = self.begin_chunks().await?[number].there.as_ref();
        let mut on = self.connection.lock().await;
        self.make_missing(&mut on, (target, stage), there).await.map_err(fault)?;
        run(&mut on, format!("savepoint {SAVEPOINT}")).await.map_err(fault)?;
        let done = self.change(&mut on, (target, stage), there).await;
        let back = if done.is_ok() { String::new() } else { format!("rollback to savepoint {SAVEPOINT}; ") };
        let name = within(self.server.schema(), &stage.name);
        let end = format!("{back}release savepoint {SAVEPOINT}; delete from {name}");
        run(&mut on, end).await.map_err(fault)?;
        stage.loads.store(0, Ordering::Relaxed);
        match done {
            Ok(()) => stage.taken.store(stage.rows.load(Ordering::Relaxed), Ordering::Relaxed),
            Err(_) => stage.rows.store(stage.taken.load(Ordering::Relaxed), Ordering::Relaxed),
        }
        done
    }

    /// Empties staging.
    pub async fn forget_chunk(&self, table: &Name) -> Result<()> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let mut on = self.connection.lock().await;
        let sql = format!("delete from {}", within(self.server.schema(), &stage.name));
        run(&mut on, sql).await.map_err(|error| self.fault(target, stage, error))?;
        stage.loads.store(0, Ordering::Relaxed);
        stage.rows.store(stage.taken.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }

    /// Opens the transaction that `commit` ends.
    async fn begin_chunks(&self) -> Result<&[Found]> {
        let begun = self.applied.get_or_try_init(|| async {
            let mut on = self.connection.lock().await;
            let found = self.take_turn(&mut on).await?;
            run(&mut on, "begin").await.map_err(|error| self.server.fault("publishing", error))?;
            Ok(found)
        });
        begun.await.map(Vec::as_slice)
    }
}
