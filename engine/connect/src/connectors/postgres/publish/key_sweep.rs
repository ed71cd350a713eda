//! The keys of all rows that stay: those of a merged table that are not among them are deleted.

use super::{Staged, stage::Stage};
use crate::{
    connectors::postgres::{
        stage_writer::{StageTarget, StageWriter},
        statement::{self, quote, within},
        table_swap::run,
    },
    hub::{
        error::{Blame, Result},
        publication::{Mode, Target, Writer},
    },
};
use sqlx::{Connection as _, PgConnection};
use std::sync::{Arc, atomic::Ordering};

impl Stage {
    /// The name of the table of its keys.
    pub fn keys(&self) -> String {
        format!("{}_k", self.name)
    }
}

impl Staged {
    /// Opens a writer for the keys.
    pub async fn write_keys(&self, target: &Target, stage: &Stage) -> Result<Box<dyn Writer>> {
        let doing = format!("comparing the keys of `{}`", target.table);
        let Mode::Merge { key } = &target.mode else {
            return Err(self.server.error(&doing, Blame::User, "its rows are not merged by key"));
        };
        let fault = |error| self.server.fault(&doing, error);
        let name = within(self.server.schema(), &stage.keys());
        let mut columns = vec![];
        let mut shapes = vec![];
        let all = stage.shapes(&self.server, target)?;
        for column in key {
            let found = stage.columns.iter().find(|c| c.name == *column).zip(all.iter().find(|s| s.name == *column));
            let (carried, shape) = found.ok_or_else(|| {
                let message = format!("the key of `{}` has no column `{column}`", target.table);
                self.server.error(&doing, Blame::User, message)
            })?;
            columns.push(format!("{} {}", quote(column), carried.declared));
            shapes.push(shape.clone());
        }
        // A table that the publishing transaction made could not be written over another connection.
        let mut on = self.server.connect(&doing).await?;
        run(&mut on, format!("create unlogged table {name} ({})", columns.join(", "))).await.map_err(fault)?;
        let _ = on.close().await;
        stage.kept.store(true, Ordering::Relaxed);
        let to = StageTarget {
            table: target.table.to_string(),
            stage: stage.keys(),
            copy: format!("copy {name} ({}) from stdin (format binary)", statement::names(key)),
            shapes,
            ordered: false,
            key: key.clone(),
            supersedes: None,
            rows: Arc::default(),
            loads: Arc::default(),
            replaced: stage.replaced.clone(),
        };
        Ok(Box::new(StageWriter::open(self.server.clone(), to).await?))
    }

    /// Deletes, once, the rows whose keys were not kept.
    pub async fn sweep(&self, on: &mut PgConnection) -> Result<()> {
        for (target, stage) in self.pairs() {
            let Mode::Merge { key } = &target.mode else { continue };
            if !stage.kept.load(Ordering::Relaxed) || stage.swept.swap(true, Ordering::Relaxed) {
                continue;
            }
            let schema = self.server.schema();
            let (to, keys) = (within(schema, target.table.as_str()), within(schema, &stage.keys()));
            let fault = |error| self.fault(target, stage, error);
            run(on, format!("analyze {keys}")).await.map_err(fault)?;
            run(on, statement::delete_matching(&to, &keys, key, false)).await.map_err(fault)?;
            run(on, format!("drop table {keys}")).await.map_err(fault)?;
        }
        Ok(())
    }
}
