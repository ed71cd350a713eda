//! Unique sets, indexes and counters of a table that takes another's place: made when its rows are there, while other tables
//! are still being filled.

use crate::mysql::{
    describe::{Key, Relation},
    server::run,
    statement::{self, quote},
};
use engine_language::table::TableDefinition;
use sqlx::{MySqlConnection, Row};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a table gets when its rows are there.
#[derive(Debug)]
pub struct Dressing {
    /// What the table is to be.
    definition: TableDefinition,
    /// What it is now.
    there: Option<Relation>,
    /// Whether one of its columns counts by itself.
    counts: bool,
    /// Writers at work, of a staging table that takes the place as it is.
    writers: AtomicUsize,
    done: AtomicBool,
}

impl Dressing {
    /// Of a table that is to be as `definition` says.
    pub fn new(definition: TableDefinition, there: Option<Relation>, counts: bool) -> Self {
        Self { definition, there, counts, writers: AtomicUsize::new(0), done: AtomicBool::new(false) }
    }

    /// A writer begins.
    pub fn enter(&self) {
        self.writers.fetch_add(1, Ordering::AcqRel);
    }

    /// A writer has written all of its rows; the last one dresses the table.
    pub async fn leave(&self, on: &mut MySqlConnection, table: &str) -> sqlx::Result<()> {
        if self.writers.fetch_sub(1, Ordering::AcqRel) == 1 { self.dress(on, table).await } else { Ok(()) }
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
