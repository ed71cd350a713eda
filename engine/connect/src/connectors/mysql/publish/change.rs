//! Appending, merging, deleting and inserting, and replacing rows in their table.

use super::{
    Staged,
    stage::{Stage, keys},
    stage_writer::warning,
};
use crate::{
    connectors::mysql::{
        describe::{Carried, text},
        server::{ask, run},
        server_error::number,
        statement::{self, names, quote},
        types::Wire,
    },
    hub::{
        error::{Blame, Error, Result},
        publication::{Mode, Target},
    },
};
use sqlx::MySqlConnection;
use std::sync::atomic::Ordering;

/// An error, and the server's number of it.
pub type Failed = (Error, Option<u16>);

/// Sees that keys have values, and that of several rows of one key the last is left.
pub async fn prepare(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    given_keys(staged, on, target, stage).await?;
    index_keys(staged, on, target, stage).await?;
    keep_last(staged, on, target, stage).await
}

/// Sees that the table has the key by which rows are merged, and gives staging an index of it.
pub async fn index_keys(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    let (Mode::Merge { key } | Mode::DeleteInsert { key }) = &target.mode else { return Ok(()) };
    let fault = |error| staged.fault(target, stage, error);
    let unique = |there: &crate::connectors::mysql::describe::Relation| {
        let sets = std::iter::once(&there.definition.key).chain(&there.definition.unique);
        sets.filter(|set| set.len() == key.len()).any(|set| set.iter().all(|column| key.contains(column)))
    };
    let merge = matches!(target.mode, Mode::Merge { .. });
    if merge && stage.there.as_ref().is_some_and(|there| !unique(there)) {
        let message = format!("`{}` has no key of just ({})", target.table, key.join(", "));
        let error = staged.server.error(&format!("publishing `{}`", target.table), Blame::User, message);
        return Err(error.hint("the table needs a unique key of just those columns"));
    }
    let kept = stage.keeps.load(Ordering::Relaxed).then(|| keys(&stage.name));
    for table in [&stage.name].into_iter().chain(&kept) {
        index(on, table, key).await.map_err(fault)?;
    }
    Ok(())
}

/// Makes rows easy to find by their key.
pub async fn index(on: &mut MySqlConnection, table: &str, key: &[String]) -> sqlx::Result<()> {
    match run(on, format!("alter table {} add key engine_key ({})", quote(table), names(key))).await {
        // A long text has no index: slower, and the same.
        Err(error) if number(&error) == Some(1170) => {}
        done => done?,
    }
    run(on, format!("analyze no_write_to_binlog table {}", quote(table))).await
}

/// Sees that keys have values, and leaves the last of several rows of one key.
pub async fn settle_keys(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    given_keys(staged, on, target, stage).await?;
    keep_last(staged, on, target, stage).await
}

async fn keep_last(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    let Mode::Merge { key } = &target.mode else { return Ok(()) };
    let last = run(on, statement::keep_last(&stage.name, key)).await;
    last.map_err(|error| staged.fault(target, stage, error))
}

async fn given_keys(staged: &Staged, on: &mut MySqlConnection, target: &Target, stage: &Stage) -> Result<()> {
    let (Mode::Merge { key } | Mode::DeleteInsert { key }) = &target.mode else { return Ok(()) };
    let fault = |error| staged.fault(target, stage, error);
    let rows = ask(on, &statement::count_null_keys(&stage.name, key), &[]).await.map_err(fault)?;
    let nulls = text(&rows[0], 0).unwrap_or_default();
    if nulls != "0" {
        let why = format!("{nulls} rows for `{}` have NULL in their key ({})", target.table, key.join(", "));
        return Err(staged.server.error("publishing", Blame::Data, why));
    }
    Ok(())
}

/// Changes one table's rows, in the open transaction.
pub async fn change(
    staged: &Staged,
    on: &mut MySqlConnection,
    target: &Target,
    stage: &Stage,
) -> std::result::Result<(), Failed> {
    let (to, from) = (target.table.as_str(), stage.name.as_str());
    let columns: Vec<&str> = stage.columns.iter().map(|column| column.name.as_str()).collect();
    let statements = match &target.mode {
        Mode::Append => vec![statement::insert(to, from, &columns, None)],
        Mode::Merge { key } => {
            let update = statement::update(to, from, &compared(&stage.columns), key);
            let insert = statement::insert(to, from, &columns, Some(key));
            let keeps = stage.keeps.load(Ordering::Relaxed);
            stage.swept.store(keeps, Ordering::Relaxed);
            let delete = keeps.then(|| statement::delete_others(to, &keys(from), key));
            update.into_iter().chain([insert]).chain(delete).collect()
        }
        Mode::DeleteInsert { key } => {
            vec![statement::delete_matching(to, from, key), statement::insert(to, from, &columns, None)]
        }
        Mode::Replace => replace_rows(to, stage, &columns),
    };
    for sql in statements {
        let failed = |error| {
            let number = number(&error);
            (staged.fault(target, stage, error), number)
        };
        run(on, sql).await.map_err(failed)?;
        // What the server mends it only warns of.
        if let Some(text) = warning(on).await.map_err(failed)? {
            let doing = format!("publishing `{}`", target.table);
            return Err((staged.server.error(&doing, Blame::Data, text), None));
        }
    }
    Ok(())
}

/// Leaves rows that are the same alone, where a key tells which those are.
fn replace_rows(to: &str, stage: &Stage, columns: &[&str]) -> Vec<String> {
    let (from, key) = (stage.name.as_str(), &stage.definition.key);
    let keyed = !key.is_empty() && stage.there.as_ref().is_some_and(|there| there.definition.key == *key);
    if keyed {
        let delete = statement::delete_changed(to, from, &compared(&stage.columns), key);
        return vec![delete, statement::insert(to, from, columns, Some(key))];
    }
    vec![format!("delete from {}", quote(to)), statement::insert(to, from, columns, None)]
}

/// Columns, and whether equal values of theirs may differ.
fn compared(columns: &[Carried]) -> Vec<(&str, bool)> {
    let loose = |wire: &Wire| {
        let text = matches!(wire, Wire::Text | Wire::Char | Wire::Enum(_) | Wire::Set(_));
        text || matches!(wire, Wire::Float | Wire::Double)
    };
    columns.iter().map(|column| (column.name.as_str(), loose(&column.kind.wire))).collect()
}
