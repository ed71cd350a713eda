//! Appending, merging, and deleting and inserting.

use super::{Staged, stage::Stage};
use crate::{
    connectors::postgres::{
        describe::Relation,
        kept_constraints::Kept,
        statement::{self, quote, within},
        table_swap::{self, run},
    },
    hub::{
        error::{Blame, Result},
        publication::{Mode, Target},
    },
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::sync::atomic::Ordering;

impl Staged {
    /// Appends, merges, or deletes and inserts.
    pub async fn change(
        &self,
        on: &mut PgConnection,
        (target, stage): (&Target, &Stage),
        there: Option<&Relation>,
    ) -> Result<()> {
        let fault = |error| self.fault(target, stage, error);
        let schema = self.server.schema();
        let (to, from) = (within(schema, target.table.as_str()), within(schema, &stage.name));
        self.make_missing(on, (target, stage), there).await.map_err(fault)?;
        if let Mode::Merge { key } | Mode::DeleteInsert { key } = &target.mode
            && !key.iter().all(|column| stage.filled.contains(column))
        {
            let sql = statement::count_null_keys(&from, key);
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *on).await.map_err(fault)?;
            let nulls: i64 = row.get(0);
            if nulls > 0 {
                let why = format!("{nulls} rows for `{}` have NULL in their key ({})", target.table, key.join(", "));
                return Err(self.server.error("publishing", Blame::Data, why));
            }
        }
        let columns: Vec<&str> = target.schema.fields().iter().map(|field| field.name().as_str()).collect();
        match &target.mode {
            Mode::Merge { key } => {
                let each_once = stage.loads.load(Ordering::Relaxed) <= 1;
                let sql = statement::merge((&to, &from), &stage.definition, &columns, key, each_once);
                return run(on, sql).await.map_err(fault);
            }
            Mode::DeleteInsert { key } => {
                run(on, statement::delete_matching(&to, &from, key, true)).await.map_err(fault)?;
            }
            Mode::Append | Mode::Replace => {}
        }
        run(on, insert(&to, &from, there, &columns)).await.map_err(fault)
    }

    /// Makes the table if it is not there yet.
    pub async fn make_missing(
        &self,
        on: &mut PgConnection,
        (target, stage): (&Target, &Stage),
        there: Option<&Relation>,
    ) -> sqlx::Result<()> {
        if there.is_some() || stage.made.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let schema = self.server.schema();
        let to = within(schema, target.table.as_str());
        let room = if matches!(target.mode, Mode::Merge { .. }) { statement::ROOM } else { "" };
        run(on, format!("{}{room}", statement::create(&to, schema, &stage.definition, true))).await?;
        for sql in statement::rules(&to, &stage.name, &stage.definition) {
            run(on, sql).await?;
        }
        let names = (schema, target.table.as_str(), stage.name.as_str());
        table_swap::name_rules(on, names, &stage.definition, &[], &[]).await?;
        Kept::default().refer(on, (schema, target.table.as_str()), &stage.definition).await
    }
}

/// `insert … select` from staging, texts turned into what the table declares.
pub fn insert(to: &str, from: &str, there: Option<&Relation>, columns: &[&str]) -> String {
    let names = statement::list(columns.iter().copied());
    let cast = |name: &&str| {
        let found = there.iter().flat_map(|there| &there.columns).find(|column| column.name == **name);
        match found.filter(|column| column.kind.as_text) {
            Some(column) => format!("{}::{}", quote(name), column.declared),
            None => quote(name),
        }
    };
    format!("insert into {to} ({names}) select {} from {from}", columns.iter().map(cast).collect::<Vec<_>>().join(", "))
}
