//! Publishers of one table take turns, so that each finds the table that the one before it left.

use super::{Staged, stage::Stage};
use crate::{
    connectors::postgres::{
        describe::{self, Relation},
        read_lock,
        statement::within,
        table_swap::run,
    },
    hub::{
        error::{Blame, Result},
        publication::{Mode, Target},
    },
};
use sqlx::{PgConnection, Row};

/// A table as its publisher finds it.
pub struct Found {
    /// What is there.
    pub there: Option<Relation>,
    seen: Seen,
    /// Indexes of staging, and what they are to be called.
    pub renames: Vec<(String, String)>,
}

/// By what one sees that a table is not what it was: its number, if it is there, and how many indexes it has.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    number: Option<i64>,
    indexes: i64,
}

impl Staged {
    /// Waits for the turn at the tables that it makes or replaces, which lasts as long as the session. Says what it finds,
    /// which may be others than when it began.
    pub(super) async fn take_turn(&self, on: &mut PgConnection) -> Result<Vec<Found>> {
        let fault = |error| self.server.fault("waiting for another run that publishes", error);
        let mine = |(target, stage): &(&Target, &Stage)| target.mode == Mode::Replace || stage.there.is_none();
        let names = self.pairs().filter(mine).map(|(target, _)| target.table.as_str());
        run(on, "set lock_timeout = '2min'").await.map_err(fault)?;
        read_lock::turn(on, self.server.schema(), names).await.map_err(fault)?;
        let mut found = vec![];
        for ((target, stage), seen) in self.pairs().zip(self.seen(on).await?) {
            let as_staged = stage.there.as_ref().map(|there| there.oid) == seen.number;
            let there = if as_staged {
                stage.there.clone()
            } else {
                let table = target.table.as_str();
                describe::relation(on, self.server.look(), table).await.map_err(|e| self.fault(target, stage, e))?
            };
            found.push(Found { there, seen, renames: vec![] });
        }
        Ok(found)
    }

    /// That the tables, now locked, are still those that were found: others than engine do not wait for turns.
    pub(super) async fn still(&self, on: &mut PgConnection, found: &[Found]) -> Result<()> {
        let now = self.seen(on).await?;
        for (((target, _), seen), found) in self.pairs().zip(now).zip(found) {
            // Others may be there because this publication has made them.
            if target.mode == Mode::Replace && seen != found.seen {
                let table = &target.table;
                let message =
                    format!("another program has replaced `{table}` or its indexes meanwhile; nothing was written");
                return Err(self.server.error("publishing", Blame::System, message).hint("run again").later());
            }
        }
        Ok(())
    }

    /// The tables that have their names now.
    async fn seen(&self, on: &mut PgConnection) -> Result<Vec<Seen>> {
        let names = self.pairs().map(|(target, _)| within(self.server.schema(), target.table.as_str()));
        let names: Vec<String> = names.collect();
        let sql = "select to_regclass(t.name)::oid::int8, (select count(*) from pg_index where indrelid = to_regclass(t.name)) \
                   from unnest($1::text[]) with ordinality t (name, n) order by t.n";
        let rows = sqlx::query(sql).bind(names).fetch_all(on).await;
        let rows = rows.map_err(|error| self.server.fault("publishing", error))?;
        Ok(rows.iter().map(|row| Seen { number: row.get(0), indexes: row.get(1) }).collect())
    }
}
