//! Unique sets, indexes and counters of a table that takes another's place: made when its rows are there, while other tables
//! are still being filled and its own rows are read back.

use crate::{
    connectors::mysql::{
        describe::{Key, Relation},
        server::{Server, run},
        server_error::named,
        statement::{self, quote},
    },
    hub::error::Result,
};
use datafusion::common::runtime::SpawnedTask;
use engine_language::table::TableDefinition;
use sqlx::{Connection as _, MySqlConnection, Row};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// What a table gets when its rows are there.
#[derive(Debug)]
pub struct IndexBuild {
    /// What the table is to be.
    definition: TableDefinition,
    /// What it is now.
    there: Option<Relation>,
    /// Whether one of its columns counts by itself.
    counts: bool,
    /// Writers at work, of a staging table that takes the place as it is.
    writers: AtomicUsize,
    done: AtomicBool,
    at_work: Mutex<Option<SpawnedTask<Result<()>>>>,
}

impl IndexBuild {
    /// Of a table that is to be as `definition` says.
    pub fn new(definition: TableDefinition, there: Option<Relation>, counts: bool) -> Self {
        let (writers, done, at_work) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::default());
        Self { definition, there, counts, writers, done, at_work }
    }

    /// A writer begins.
    pub fn enter(&self) {
        self.writers.fetch_add(1, Ordering::AcqRel);
    }

    /// A writer has written all of its rows, and leaves its connection; the last one has the table dressed.
    pub async fn leave(self: &Arc<Self>, server: &Server, mut on: MySqlConnection, (table, stage): (&str, &str)) {
        if self.writers.fetch_sub(1, Ordering::AcqRel) > 1 {
            let _ = on.close().await;
            return;
        }
        let (index_build, server) = (self.clone(), server.clone());
        let (table, stage) = (table.to_owned(), stage.to_owned());
        let at_work = SpawnedTask::spawn(async move {
            let done = index_build.dress(&mut on, &stage).await;
            let fault = |error| named(server.fault(&format!("writing `{table}`"), error), &stage, &table);
            done.map_err(fault)?;
            let _ = on.close().await;
            Ok(())
        });
        *self.at_work.lock().expect("no holder of this lock panics") = Some(at_work);
    }

    /// Waits until the table is dressed, if that has begun.
    pub async fn finished(&self) -> Result<()> {
        let at_work = self.at_work.lock().expect("no holder of this lock panics").take();
        match at_work {
            Some(at_work) => at_work.join_unwind().await.expect("nobody else ends it"),
            None => Ok(()),
        }
    }

    /// Gives a table its unique sets and indexes, and those that only the old one has; once.
    pub async fn dress(&self, on: &mut MySqlConnection, name: &str) -> sqlx::Result<()> {
        if self.done.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut more = vec![];
        if let Some(there) = &self.there {
            let row = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("show create table {}", quote(&there.name))));
            let text: String = row.fetch_one(&mut *on).await?.get_unchecked(1);
            more = there
                .keys
                .iter()
                .filter(|key| is_extra(key, there, &self.definition))
                .filter_map(|key| line(&text, key))
                .collect();
        }
        if let Some(sql) = statement::indexes(name, &self.definition, &more) {
            run(on, sql).await?;
        }
        let counter = self.there.as_ref().and_then(|there| there.counter.as_ref());
        if let (Some(counter), true) = (counter, self.counts) {
            run(on, format!("alter table {} auto_increment = {counter}", quote(name))).await?;
        }
        // Its first readers plan by what it has.
        run(on, format!("analyze no_write_to_binlog table {}", quote(name))).await
    }
}

/// Whether an index of the old table is none of the new one's own.
fn is_extra(key: &Key, there: &Relation, definition: &TableDefinition) -> bool {
    let own = key.name == "PRIMARY" || key.is_of(&there.definition.foreign_keys);
    let known =
        definition.indexes.iter().any(|index| index.name == key.name || index.columns == key.columns && !key.unique)
            || key.unique && key.whole && (definition.unique.contains(&key.columns) || definition.key == key.columns);
    !own && !known && key.columns.iter().all(|column| definition.column(column).is_some())
}

/// An index as the server writes it.
fn line(table: &str, key: &Key) -> Option<String> {
    let name = format!("KEY \"{}\" (", key.name.replace('"', "\"\""));
    let lines = table.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter(|line| line.contains("KEY ")).find(|line| line.contains(&name)).map(str::to_owned)
}
