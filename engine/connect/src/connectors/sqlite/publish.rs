//! Publishing: from staging into the tables that users read, in one transaction.

mod added;

use super::{
    describe,
    file::{File, SqliteError},
    snapshot::Table,
    stage_writer::{StageWriter, named},
    statement::{self, quote},
    types,
};
use crate::hub::{
    error::Result,
    position::Position,
    publication::{
        Advance, Commit, DeadLetter, Mode, Preview, Publication, PublicationDigest, PublishRequest, Target, Writer,
        Writers, Written,
    },
    rejected::RejectedRow,
};
use engine_language::{column::ColumnType, name::Name, table::TableDefinition};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::OwnedMutexGuard;

/// A publication whose rows go into staging tables.
pub struct Staged {
    file: File,
    publication: PublishRequest,
    stages: Vec<String>,
    /// The open transaction in which everything is applied, once it was looked at.
    applied: tokio::sync::Mutex<Option<Applied>>,
    committed: bool,
}

struct Applied {
    connection: Arc<Mutex<Connection>>,
    _turn: OwnedMutexGuard<()>,
}

const OWN_TABLES: &str = "
    create table if not exists engine_positions (pipeline text primary key, position text not null, run text not null);
    create table if not exists engine_dead_letters (pipeline text not null, source text not null,
        partition integer not null, \"offset\" integer not null, payload blob not null, reason text not null, run text not null,
        primary key (pipeline, source, partition, \"offset\"));
    create table if not exists engine_publications (run text not null, table_name text not null, rows integer not null);
    create table if not exists engine_types (table_name text not null, column_name text not null, type text not null,
        primary key (table_name, column_name));
";

impl Staged {
    /// Makes the staging tables.
    pub async fn begin(file: File, publication: PublishRequest) -> Result<Self> {
        // What a run gave up is still being removed while it tries again.
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let stages: Vec<String> = publication
            .tables
            .iter()
            .enumerate()
            .map(|(i, t)| format!("{}{}_{attempt}_{i}_{}", describe::STAGE, publication.run, t.table))
            .collect();
        let statements: Vec<String> = publication
            .tables
            .iter()
            .zip(&stages)
            .flat_map(|(target, stage)| {
                let rules = target.mode == Mode::Replace;
                [format!("drop table if exists {}", quote(stage)), statement::create(stage, &definition(target), rules)]
            })
            .collect();
        let turn = file.turn().await;
        let inner = file.clone();
        file.blocking("making staging tables", move || {
            let connection = inner.open_write()?;
            connection.execute_batch(OWN_TABLES)?;
            statements.iter().try_for_each(|sql| connection.execute_batch(sql)).map_err(SqliteError::from)
        })
        .await?;
        drop(turn);
        Ok(Self { file, publication, stages, applied: tokio::sync::Mutex::default(), committed: false })
    }

    fn index(&self, table: &Name) -> usize {
        self.publication
            .tables
            .iter()
            .position(|target| target.table == *table)
            .expect("the table is in the publication")
    }

    /// Applies everything in one open transaction.
    async fn apply(&self) -> Result<Arc<Mutex<Connection>>> {
        let mut applied = self.applied.lock().await;
        if let Some(applied) = &*applied {
            return Ok(applied.connection.clone());
        }
        let turn = self.file.turn().await;
        let (file, publication, stages) = (self.file.clone(), self.publication.clone(), self.stages.clone());
        let connection = self
            .file
            .blocking("publishing", move || {
                let connection = file.open_write()?;
                connection.execute_batch("begin immediate")?;
                for (target, stage) in publication.tables.iter().zip(&stages) {
                    apply_one(&connection, target, stage).map_err(|t| named(t, stage, target.table.as_str()))?;
                }
                foreign_keys(&connection, &publication)?;
                Ok::<_, SqliteError>(connection)
            })
            .await?;
        let connection = Arc::new(Mutex::new(connection));
        *applied = Some(Applied { connection: connection.clone(), _turn: turn });
        Ok(connection)
    }
}

/// The definition that a target's table is made with: the given one, its columns those of the rows if it has none.
fn definition(target: &Target) -> TableDefinition {
    let mut definition = target.definition.clone();
    if definition.columns.is_empty() {
        definition.columns =
            target.schema.fields().iter().filter_map(|field| crate::arrow::types::column(field)).collect();
    } else {
        definition
            .columns
            .retain(|column| target.schema.index_of(&column.name).is_ok() || target.mode == Mode::Replace);
    }
    definition
}

fn apply_one(connection: &Connection, target: &Target, stage: &str) -> Result<(), SqliteError> {
    let table = target.table.as_str();
    let there = describe::exists(connection, table)?;
    let columns: Vec<&str> = target.schema.fields().iter().map(|field| field.name().as_str()).collect();
    match &target.mode {
        Mode::Replace => {
            if there {
                connection.execute_batch(&format!("drop table {}", quote(table)))?;
            }
            connection.execute_batch(&format!("alter table {} rename to {}", quote(stage), quote(table)))?;
            finish_table(connection, table, &definition(target))?;
        }
        mode => {
            if !there {
                let definition = definition(target);
                connection.execute_batch(&statement::create(table, &definition, true))?;
                finish_table(connection, table, &definition)?;
            }
            match mode {
                Mode::Merge { key } => {
                    no_null_keys(connection, table, stage, key)?;
                    connection.execute_batch(&statement::merge(table, stage, &columns, key))?;
                }
                Mode::DeleteInsert { key } => {
                    no_null_keys(connection, table, stage, key)?;
                    connection.execute_batch(&statement::delete_matching(table, stage, key))?;
                    connection.execute_batch(&statement::append(table, stage, &columns))?;
                }
                Mode::Append | Mode::Replace => {
                    connection.execute_batch(&statement::append(table, stage, &columns))?;
                }
            }
        }
    }
    Ok(())
}

fn no_null_keys(connection: &Connection, table: &str, stage: &str, key: &[String]) -> Result<(), SqliteError> {
    let nulls: i64 = connection.query_row(&statement::count_null_keys(stage, key), [], |row| row.get(0))?;
    if nulls > 0 {
        return Err(SqliteError::Data(format!(
            "{nulls} rows for `{table}` have NULL in their key ({})",
            key.join(", ")
        )));
    }
    Ok(())
}

/// Indexes, and the types that declarations cannot tell.
fn finish_table(connection: &Connection, table: &str, definition: &TableDefinition) -> Result<(), SqliteError> {
    for sql in statement::indexes(table, definition) {
        connection.execute_batch(&sql)?;
    }
    connection.execute("delete from engine_types where table_name = ?1", [table])?;
    for column in &definition.columns {
        let alias = statement::makes_rowid(definition) && definition.key[0] == column.name;
        let declared = if alias { ColumnType::BigInt } else { types::kind(&types::declared(&column.kind)) };
        if declared != column.kind {
            let row = params![table, column.name, column.kind.to_string()];
            connection.execute("insert into engine_types values (?1, ?2, ?3)", row)?;
        }
    }
    Ok(())
}

/// No published row may refer to a row that is not there, nor may a published table take one away.
fn foreign_keys(connection: &Connection, publication: &PublishRequest) -> Result<(), SqliteError> {
    let mut statement = connection.prepare("pragma foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let ours = |name: &str| publication.tables.iter().any(|target| target.table.as_str() == name);
        if ours(&table) || ours(&parent) {
            let rowid: Option<i64> = row.get(1)?;
            let at = rowid.map(|id| format!(" {id}")).unwrap_or_default();
            return Err(SqliteError::Data(format!(
                "row{at} of `{table}` refers to a row of `{parent}` that is not there"
            )));
        }
    }
    Ok(())
}

fn advance(connection: &Connection, pipeline: &Name, run: &str, advance: &Advance) -> Result<(), SqliteError> {
    let sql = "select position from engine_positions where pipeline = ?1";
    let stands: Option<String> = connection.query_row(sql, [pipeline.as_str()], |row| row.get(0)).optional()?;
    let stands = stands.and_then(|text| serde_json::from_str(&text).ok()).map(Position);
    if stands != advance.from {
        return Err(SqliteError::Rival(format!(
            "another run has moved `{pipeline}` on meanwhile; nothing was written"
        )));
    }
    let sql = "insert into engine_positions values (?1, ?2, ?3) \
               on conflict (pipeline) do update set position = excluded.position, run = excluded.run";
    connection.execute(sql, params![pipeline.as_str(), advance.to.0.to_string(), run])?;
    Ok(())
}

fn dead_letters(connection: &Connection, pipeline: &str, run: &str, rows: &[RejectedRow]) -> Result<(), SqliteError> {
    let mut statement =
        connection.prepare("insert or replace into engine_dead_letters values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for row in rows {
        statement.execute(params![pipeline, row.source, row.partition, row.offset, row.payload, row.reason, run])?;
    }
    Ok(())
}

fn settle(connection: &Connection, pipeline: &str, letters: &[DeadLetter]) -> Result<(), SqliteError> {
    let sql =
        "delete from engine_dead_letters where pipeline = ?1 and source = ?2 and partition = ?3 and \"offset\" = ?4";
    let mut statement = connection.prepare(sql)?;
    for letter in letters {
        if statement.execute(params![pipeline, letter.source, letter.partition, letter.offset])? == 0 {
            return Err(SqliteError::Rival(format!(
                "a dead letter of `{pipeline}` is gone meanwhile; nothing was written"
            )));
        }
    }
    Ok(())
}

#[async_trait::async_trait]
impl Publication for Staged {
    async fn writer(&self, table: &Name, _: Writers) -> Result<Box<dyn Writer>> {
        let file = self.file.clone();
        let connection = self.file.blocking("opening a writer", move || file.open_write()).await?;
        Ok(Box::new(StageWriter {
            file: self.file.clone(),
            connection: Some(connection),
            table: table.to_string(),
            stage: self.stages[self.index(table)].clone(),
            rows: 0,
        }))
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        let connection = self.apply().await?;
        let name = table.as_str().to_owned();
        let shared = connection.clone();
        let definition = self
            .file
            .blocking("looking at new rows", move || {
                describe::table(&shared.lock().expect("no holder of this lock panics"), &name)
            })
            .await?
            .expect("the table was just made");
        let schema = crate::arrow::types::schema(&definition);
        let rows = Arc::new(Table::shared(self.file.clone(), table.to_string(), schema, connection));
        Ok(Preview { rows, unique: vec![] })
    }

    fn server_digest(&self) -> Option<&dyn PublicationDigest> {
        Some(self)
    }

    async fn commit(mut self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        fail::fail_point!("sqlite::staged");
        let shared = self.apply().await?;
        let (publication, stages) = (self.publication.clone(), self.stages.clone());
        let written = self
            .file
            .blocking("publishing", move || {
                let connection = shared.lock().expect("no holder of this lock panics");
                let run = publication.run.as_str();
                if let (Some(pipeline), Some(move_on)) = (&publication.pipeline, &commit.advance) {
                    advance(&connection, pipeline, run, move_on)?;
                }
                let pipeline = publication.pipeline.as_ref().map_or("", Name::as_str);
                settle(&connection, pipeline, &commit.settled)?;
                dead_letters(&connection, pipeline, run, &commit.rejected)?;
                let mut written = vec![];
                for (target, stage) in publication.tables.iter().zip(&stages) {
                    let from = if target.mode == Mode::Replace { target.table.as_str() } else { stage };
                    let sql = format!("select count(*) from {}", quote(from));
                    let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
                    let marker = params![run, target.table.as_str(), rows];
                    connection.execute("insert into engine_publications values (?1, ?2, ?3)", marker)?;
                    if target.mode != Mode::Replace {
                        connection.execute_batch(&format!("drop table {}", quote(stage)))?;
                    }
                    written.push(Written { table: target.table.clone(), rows: rows.unsigned_abs() });
                }
                fail::fail_point!("sqlite::publishing");
                connection.execute_batch("commit")?;
                fail::fail_point!("sqlite::published");
                Ok::<_, SqliteError>(written)
            })
            .await?;
        self.committed = true;
        Ok(written)
    }
}

impl Drop for Staged {
    /// Takes the staging tables away; if that fails, the next run's recovery does.
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let (file, stages, applied) =
            (self.file.clone(), std::mem::take(&mut self.stages), self.applied.get_mut().take());
        let clean = move || {
            // Its connection rolls back when it is closed.
            drop(applied);
            let Ok(connection) = file.open_write() else { return };
            for stage in stages {
                let gone = connection.execute_batch(&format!("drop table if exists {}", quote(&stage)));
                if let Err(error) = gone {
                    tracing::warn!(%error, stage, "staging is left for the next run to remove");
                }
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(clean)),
            Err(_) => clean(),
        }
    }
}
