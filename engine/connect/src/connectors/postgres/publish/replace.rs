//! Putting staged tables in the places of the old ones.

use super::{Staged, change::insert, generated_keys::make_keys, publish_lock::Found, stage::Stage};
use crate::{
    connectors::postgres::{
        describe::{Carried, Relation},
        kept_constraints::Kept,
        read_lock,
        statement::{self, quote, within},
        table_swap::{self, run},
    },
    hub::{
        error::{Blame, Result},
        publication::{Mode, Target},
    },
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::time::Duration;

/// How often a lock on the tables is tried, about seven times a second: two minutes.
const LOCK_ATTEMPTS: u32 = 800;

impl Staged {
    /// Puts staged tables in the places of the old ones, or their rows where an old one is held.
    pub async fn replace(&self, on: &mut PgConnection, found: &[Found], exact: bool) -> Result<()> {
        let schema = self.server.schema();
        let mut helds = vec![];
        for ((target, stage), found) in self.pairs().zip(found) {
            let held = match &found.there {
                Some(there) => table_swap::held(on, there.oid).await.map_err(|e| self.fault(target, stage, e))?,
                None => table_swap::Held::default(),
            };
            helds.push(held);
        }
        let places = self.in_place(&helds, found);
        self.lock(on, &places, found).await?;
        self.still(on, found).await?;
        let mut old = vec![];
        for (number, (target, stage)) in self.pairs().enumerate() {
            let fault = |error| self.fault(target, stage, error);
            if target.mode != Mode::Replace {
                continue;
            }
            if places[number] {
                self.replace_rows(on, (target, stage), found[number].there.as_ref(), &helds[number]).await?;
                if exact {
                    self.compare_rows(on, (target, stage), &helds[number]).await?;
                }
                let staged = within(schema, &stage.name);
                run(on, format!("drop table {staged}")).await.map_err(fault)?;
                continue;
            }
            let table = target.table.as_str();
            let (to, from) = (within(schema, table), within(schema, &stage.name));
            let (mut names, mut kept) = (vec![], Kept::default());
            let there = &found[number].there;
            if let Some(there) = there {
                let aside = format!("{}_old", stage.name);
                names = table_swap::constraint_names(on, there.oid).await.map_err(fault)?;
                kept = Kept::of(on, (schema, table), there.oid).await.map_err(fault)?;
                run(on, format!("alter table {to} rename to {}", quote(&aside))).await.map_err(fault)?;
                old.push((number, within(schema, &aside), names, kept));
            } else {
                old.push((number, String::new(), names, kept));
            }
            run(on, format!("alter table {from} rename to {}", quote(table))).await.map_err(fault)?;
            if let Some(there) = there {
                table_swap::carry_over(on, (schema, table), there.oid, &stage.definition).await.map_err(fault)?;
            }
        }
        let gone: Vec<&str> = old.iter().map(|(_, name, ..)| name.as_str()).filter(|name| !name.is_empty()).collect();
        if !gone.is_empty() {
            let dropped = run(on, format!("drop table {}", gone.join(", "))).await;
            dropped.map_err(|error| self.server.fault("publishing", error))?;
        }
        for (number, _, names, _) in &old {
            let (target, stage) = (&self.publication.tables[*number], &self.stages[*number]);
            let place = (schema, target.table.as_str(), stage.name.as_str());
            let done = table_swap::name_rules(on, place, &stage.definition, names, &found[*number].renames).await;
            done.map_err(|error| self.fault(target, stage, error))?;
        }
        for (number, _, _, kept) in &old {
            let (target, stage) = (&self.publication.tables[*number], &self.stages[*number]);
            let place = (schema, target.table.as_str());
            let fault = |error| self.fault(target, stage, error);
            kept.refer(on, place, &stage.definition).await.map_err(fault)?;
            kept.comment(on, place).await.map_err(fault)?;
            make_keys(on, place, &stage.definition).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Locks the tables that go, behind their gates. Others than engine may read them too: a wait for those is short, so
    /// that what queues behind it goes on, and is tried again.
    async fn lock(&self, on: &mut PgConnection, places: &[bool], found: &[Found]) -> Result<()> {
        let going =
            self.pairs().zip(places).zip(found).filter(|(((target, _), stays), found)| {
                target.mode == Mode::Replace && !**stays && found.there.is_some()
            });
        let schema = self.server.schema();
        let names: Vec<&str> = going.map(|(((target, _), _), _)| target.table.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let tables: Vec<String> = names.iter().map(|name| within(schema, name)).collect();
        let sql = format!("lock table {} in access exclusive mode", tables.join(", "));
        let fault = |error| self.server.fault("publishing", error);
        read_lock::close(on, schema, names.into_iter()).await.map_err(fault)?;
        for attempt in 1.. {
            run(on, "savepoint engine_lock; set local lock_timeout = '100ms'").await.map_err(fault)?;
            match run(on, sql.clone()).await {
                Ok(()) => break,
                Err(sqlx::Error::Database(error))
                    if error.code().as_deref() == Some("55P03") && attempt < LOCK_ATTEMPTS =>
                {
                    run(on, "rollback to engine_lock").await.map_err(fault)?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(fault(error)),
            }
        }
        run(on, "set local lock_timeout = '10s'").await.map_err(fault)
    }

    /// Which tables keep their place: those that something holds which does not go itself.
    fn in_place(&self, helds: &[table_swap::Held], found: &[Found]) -> Vec<bool> {
        let mut places: Vec<bool> = helds.iter().map(|held| !held.by.is_empty()).collect();
        loop {
            let going: Vec<i64> = self
                .pairs()
                .zip(&places)
                .zip(found)
                .filter(|(((target, _), stays), _)| target.mode == Mode::Replace && !**stays)
                .filter_map(|(_, found)| found.there.as_ref().map(|there| there.oid))
                .collect();
            let stays = |held: &table_swap::Held| held.references.iter().any(|(table, _)| !going.contains(table));
            let next: Vec<bool> = helds.iter().zip(&places).map(|(held, place)| *place || stays(held)).collect();
            if next == places {
                return places;
            }
            places = next;
        }
    }

    async fn replace_rows(
        &self,
        on: &mut PgConnection,
        (target, stage): (&Target, &Stage),
        there: Option<&Relation>,
        held: &table_swap::Held,
    ) -> Result<()> {
        let fault = |error| self.fault(target, stage, error);
        let there = there.expect("what is held is there");
        let shape = |columns: &[Carried]| {
            let mut all: Vec<(String, String)> = columns.iter().map(|c| (c.name.clone(), c.declared.clone())).collect();
            all.sort();
            all
        };
        if shape(&there.columns) != shape(&stage.columns) {
            let doing = format!("publishing `{}`", target.table);
            let by = if held.by.is_empty() { "foreign keys".to_owned() } else { held.by.join(", ") };
            let message = format!("`{}` has other columns now, and is held by {by}", target.table);
            return Err(self.server.error(&doing, Blame::User, message).hint("drop what holds it, or the table"));
        }
        let schema = self.server.schema();
        let (to, from) = (within(schema, target.table.as_str()), within(schema, &stage.name));
        let columns: Vec<&str> = stage.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some((_, referred)) = held.references.first() {
            let key = if there.definition.key.is_empty() { referred } else { &there.definition.key };
            run(on, statement::delete_matching(&to, &from, key, false)).await.map_err(fault)?;
            // Staging has no order here, and needs none: its key is unique.
            let sql = statement::merge((&to, &from), &stage.definition, &columns, key, true);
            run(on, sql).await.map_err(fault)?;
        } else {
            run(on, format!("delete from {to}")).await.map_err(fault)?;
            run(on, insert(&to, &from, Some(there), &columns)).await.map_err(fault)?;
        }
        Ok(())
    }

    /// That a table which kept its place holds just the rows that were written: its triggers, rules and row security may have
    /// made others of them.
    async fn compare_rows(
        &self,
        on: &mut PgConnection,
        (target, stage): (&Target, &Stage),
        held: &table_swap::Held,
    ) -> Result<()> {
        let schema = self.server.schema();
        let columns = statement::list(target.schema.fields().iter().map(|field| field.name().as_str()));
        let digest = |table: &str| {
            format!(
                "select concat(count(*), ' rows, ', coalesce(sum(hashtextextended(engine_row::text, 0)), 0)) \
                 from (select {columns} from {}) engine_row",
                within(schema, table)
            )
        };
        let sql = format!("select ({}), ({})", digest(&stage.name), digest(target.table.as_str()));
        let row =
            sqlx::query(AssertSqlSafe(sql)).fetch_one(on).await.map_err(|error| self.fault(target, stage, error))?;
        let (written, there): (String, String) = (row.get(0), row.get(1));
        if written == there {
            return Ok(());
        }
        let by = if held.by.is_empty() { "its server".to_owned() } else { held.by.join(", ") };
        let message = format!("`{}` would not hold what was read: {written} against {there} after {by}", target.table);
        let error = self.server.error(&format!("publishing `{}`", target.table), Blame::Data, message);
        Err(error.hint("drop or disable what changes its rows, copy into a table without it, or compare less: `verify = \"count\"`"))
    }
}
