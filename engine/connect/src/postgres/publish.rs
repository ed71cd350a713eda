//! Publishing: from staging into the tables that users read, in one transaction.

use super::{
    describe::{self, Carried, Relation, STAGE},
    read::{Table, Through},
    server::{LONGEST_NAME, Server},
    statement::{self, ORDER, literal, quote, within},
    swap::{self, run},
    write::{StageWriter, named},
};
use crate::{
    error::{Blame, Error, Result},
    position::Position,
    publish::{Advance, Commit, Mode, Publication, Publisher, Target, Writer, Written},
    read::RejectedRow,
    types::{arrow_type, column, schema as arrow_schema},
};
use datafusion::catalog::TableProvider;
use engine_language::{column::ColumnType, name::Name, table::TableDefinition};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

/// A publication whose rows go into staging tables.
pub struct Staged {
    server: Server,
    publication: Publication,
    stages: Vec<Stage>,
    /// The open transaction in which rows are applied, once they were looked at.
    applied: Mutex<Option<Applied>>,
    committed: bool,
}

/// A staging table.
#[derive(Clone)]
struct Stage {
    name: String,
    columns: Vec<Carried>,
    /// What the table is to be.
    definition: TableDefinition,
    /// What it is now.
    there: Option<Relation>,
}

#[derive(Clone)]
struct Applied {
    connection: Arc<Mutex<PgConnection>>,
    /// Indexes that are to be renamed, a list a table.
    indexes: Vec<Vec<(String, String)>>,
}

/// Keeps two first runs from making our own tables at once.
const TURN: &str = "select pg_advisory_xact_lock(7162453)";

/// How often a lock on the tables is tried, about seven times a second.
const LOCK_ATTEMPTS: u32 = 200;

impl Staged {
    /// Makes the staging tables.
    pub async fn begin(server: Server, publication: Publication) -> Result<Self> {
        let doing = "making staging tables";
        check_names(&server, &publication)?;
        let mut on = server.connect(doing).await?;
        let fault = |error| server.fault(doing, error);
        own_tables(&server, &mut on, &publication).await.map_err(fault)?;
        let mut staged =
            Self { server: server.clone(), publication, stages: vec![], applied: Mutex::default(), committed: false };
        for number in 0..staged.publication.tables.len() {
            let target = staged.publication.tables[number].clone();
            let stage = stage(&server, &mut on, &staged.publication.run, number, &target).await?;
            staged.stages.push(stage);
        }
        let _ = sqlx::Connection::close(on).await;
        Ok(staged)
    }

    fn index(&self, table: &Name) -> usize {
        let mut tables = self.publication.tables.iter();
        tables.position(|target| target.table == *table).expect("the table is in the publication")
    }

    /// Applies everything but replacements in one open transaction.
    async fn apply(&self) -> Result<Applied> {
        let mut applied = self.applied.lock().await;
        if let Some(applied) = &*applied {
            return Ok(applied.clone());
        }
        let schema = self.server.schema();
        let mut on = self.server.connect("publishing").await?;
        let mut indexes = vec![];
        for (target, stage) in self.publication.tables.iter().zip(&self.stages) {
            let fault = |error| self.fault(target, stage, error);
            let name = within(schema, &stage.name);
            let mut renames = vec![];
            if target.mode == Mode::Replace {
                for sql in statement::rules(&name, &stage.name, &stage.definition) {
                    run(&mut on, sql).await.map_err(fault)?;
                }
                if let Some(there) = &stage.there {
                    let to = (schema, stage.name.as_str());
                    renames = swap::dress(&mut on, to, there.oid, &stage.definition).await.map_err(fault)?;
                }
            }
            indexes.push(renames);
            run(&mut on, format!("analyze {name}")).await.map_err(fault)?;
        }
        run(&mut on, "begin; set local lock_timeout = '10s'").await.map_err(|e| self.server.fault("publishing", e))?;
        for (target, stage) in self.publication.tables.iter().zip(&self.stages) {
            if target.mode != Mode::Replace {
                self.change(&mut on, target, stage).await?;
            }
        }
        let done = Applied { connection: Arc::new(Mutex::new(on)), indexes };
        *applied = Some(done.clone());
        Ok(done)
    }

    fn fault(&self, target: &Target, stage: &Stage, error: sqlx::Error) -> Error {
        let doing = format!("publishing `{}`", target.table);
        named(self.server.fault(&doing, error), &stage.name, target.table.as_str())
    }

    /// Appends, merges, or deletes and inserts.
    async fn change(&self, on: &mut PgConnection, target: &Target, stage: &Stage) -> Result<()> {
        let fault = |error| self.fault(target, stage, error);
        let schema = self.server.schema();
        let (to, from) = (within(schema, target.table.as_str()), within(schema, &stage.name));
        if stage.there.is_none() {
            run(on, statement::create(&to, schema, &stage.definition, true)).await.map_err(fault)?;
            for sql in statement::rules(&to, &stage.name, &stage.definition) {
                run(on, sql).await.map_err(fault)?;
            }
            let names = (schema, target.table.as_str(), stage.name.as_str());
            swap::name_rules(on, names, &stage.definition, &[], &[]).await.map_err(fault)?;
            swap::refer(on, (schema, target.table.as_str()), &stage.definition).await.map_err(fault)?;
        }
        if let Mode::Merge { key } | Mode::DeleteInsert { key } = &target.mode {
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
                let sql = statement::merge(&to, &from, &stage.definition, &columns, key);
                return run(on, sql).await.map_err(fault);
            }
            Mode::DeleteInsert { key } => {
                run(on, statement::delete_matching(&to, &from, key, true)).await.map_err(fault)?;
            }
            Mode::Append | Mode::Replace => {}
        }
        run(on, insert(&to, &from, stage, &columns)).await.map_err(fault)
    }

    /// Puts staged tables in the places of the old ones, or their rows where an old one is held.
    async fn replace(&self, on: &mut PgConnection, indexes: &[Vec<(String, String)>]) -> Result<()> {
        let schema = self.server.schema();
        let mut helds = vec![];
        for (target, stage) in self.pairs() {
            let held = match &stage.there {
                Some(there) => swap::held(on, there.oid).await.map_err(|e| self.fault(target, stage, e))?,
                None => swap::Held::default(),
            };
            helds.push(held);
        }
        let places = self.in_place(&helds);
        self.lock(on, &places).await?;
        let mut old = vec![];
        for (number, (target, stage)) in self.pairs().enumerate() {
            let fault = |error| self.fault(target, stage, error);
            if target.mode != Mode::Replace {
                continue;
            }
            if places[number] {
                self.replace_rows(on, target, stage, &helds[number]).await?;
                continue;
            }
            let table = target.table.as_str();
            let (to, from) = (within(schema, table), within(schema, &stage.name));
            let mut names = vec![];
            if let Some(there) = &stage.there {
                let aside = format!("{}_old", stage.name);
                names = swap::constraint_names(on, there.oid).await.map_err(fault)?;
                run(on, format!("alter table {to} rename to {}", quote(&aside))).await.map_err(fault)?;
                old.push((number, within(schema, &aside), names.clone()));
            } else {
                old.push((number, String::new(), names.clone()));
            }
            run(on, format!("alter table {from} rename to {}", quote(table))).await.map_err(fault)?;
            if let Some(there) = &stage.there {
                swap::carry_over(on, (schema, table), there.oid, &stage.definition).await.map_err(fault)?;
            }
        }
        let gone: Vec<&str> = old.iter().map(|(_, name, _)| name.as_str()).filter(|name| !name.is_empty()).collect();
        if !gone.is_empty() {
            let dropped = run(on, format!("drop table {}", gone.join(", "))).await;
            dropped.map_err(|error| self.server.fault("publishing", error))?;
        }
        for (number, _, names) in &old {
            let (target, stage) = (&self.publication.tables[*number], &self.stages[*number]);
            let place = (schema, target.table.as_str(), stage.name.as_str());
            let done = swap::name_rules(on, place, &stage.definition, names, &indexes[*number]).await;
            done.map_err(|error| self.fault(target, stage, error))?;
        }
        for (number, ..) in &old {
            let (target, stage) = (&self.publication.tables[*number], &self.stages[*number]);
            let done = swap::refer(on, (schema, target.table.as_str()), &stage.definition).await;
            done.map_err(|error| self.fault(target, stage, error))?;
        }
        Ok(())
    }

    /// Locks the tables that go. A reader whose instant is held may still open more connections, which queue behind a
    /// lock that waits: so it waits briefly, lets them pass, and tries again.
    async fn lock(&self, on: &mut PgConnection, places: &[bool]) -> Result<()> {
        let going = self
            .pairs()
            .zip(places)
            .filter(|((target, stage), stays)| target.mode == Mode::Replace && !**stays && stage.there.is_some());
        let schema = self.server.schema();
        let tables: Vec<String> = going.map(|((target, _), _)| within(schema, target.table.as_str())).collect();
        if tables.is_empty() {
            return Ok(());
        }
        let sql = format!("lock table {} in access exclusive mode", tables.join(", "));
        let fault = |error| self.server.fault("publishing", error);
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

    fn pairs(&self) -> impl Iterator<Item = (&Target, &Stage)> {
        self.publication.tables.iter().zip(&self.stages)
    }

    /// Which tables keep their place: those that something holds which does not go itself.
    fn in_place(&self, helds: &[swap::Held]) -> Vec<bool> {
        let mut places: Vec<bool> = helds.iter().map(|held| !held.by.is_empty()).collect();
        loop {
            let going: Vec<i64> = self
                .pairs()
                .zip(&places)
                .filter(|((target, _), stays)| target.mode == Mode::Replace && !**stays)
                .filter_map(|((_, stage), _)| stage.there.as_ref().map(|there| there.oid))
                .collect();
            let stays = |held: &swap::Held| held.references.iter().any(|(table, _)| !going.contains(table));
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
        target: &Target,
        stage: &Stage,
        held: &swap::Held,
    ) -> Result<()> {
        let fault = |error| self.fault(target, stage, error);
        let there = stage.there.as_ref().expect("what is held is there");
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
            let sql =
                statement::merge(&to, &from, &stage.definition, &columns, key).replace(&format!(", {ORDER} desc"), "");
            run(on, sql).await.map_err(fault)?;
        } else {
            run(on, format!("delete from {to}")).await.map_err(fault)?;
            run(on, insert(&to, &from, stage, &columns)).await.map_err(fault)?;
        }
        run(on, format!("drop table {from}")).await.map_err(fault)
    }

    async fn advance(&self, on: &mut PgConnection, pipeline: &Name, move_on: &Advance) -> Result<()> {
        let fault = |error| self.server.fault("moving the position", error);
        let table = within(self.server.schema(), "engine_positions");
        // Two first moves meet here: one of them inserts, the other waits and then finds it.
        let sql = format!("insert into {table} values ($1, '', '', 0) on conflict (pipeline) do nothing");
        sqlx::query(AssertSqlSafe(sql)).bind(pipeline.as_str()).execute(&mut *on).await.map_err(fault)?;
        let sql = format!("select position from {table} where pipeline = $1 for update");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(pipeline.as_str()).fetch_one(&mut *on).await.map_err(fault)?;
        let stands: String = row.get(0);
        let stands = serde_json::from_str(&stands).ok().map(Position);
        if stands != move_on.from {
            let message = format!("another run has moved `{pipeline}` on meanwhile; nothing was written");
            return Err(self.server.error("moving the position", Blame::Rival, message));
        }
        let sql = format!("update {table} set position = $2, run = $3, epoch = epoch + 1 where pipeline = $1");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline.as_str()).bind(move_on.to.0.to_string());
        query.bind(&self.publication.run).execute(on).await.map(drop).map_err(fault)
    }

    async fn dead_letters(&self, on: &mut PgConnection, pipeline: &str, rows: &[RejectedRow]) -> Result<()> {
        let table = within(self.server.schema(), "engine_dead_letters");
        let sql = format!("insert into {table} values ($1, $2, $3, $4, $5, $6, $7)");
        for row in rows {
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(pipeline).bind(&row.source);
            let query = query.bind(row.partition.cast_signed()).bind(row.offset).bind(&row.payload);
            let done = query.bind(&row.reason).bind(&self.publication.run).execute(&mut *on).await;
            done.map_err(|error| self.server.fault("keeping dead letters", error))?;
        }
        Ok(())
    }

    /// Commits; when the answer is lost, asks the server what became of the transaction.
    async fn settle(&self, on: &mut PgConnection) -> Result<()> {
        let fault = |error| self.server.fault("publishing", error);
        let row = sqlx::query("select txid_current()").fetch_one(&mut *on).await.map_err(fault)?;
        let id: i64 = row.get(0);
        let lost = match run(on, "commit").await {
            Ok(()) => return Ok(()),
            Err(error @ sqlx::Error::Database(_)) if !fatal(&error) => return Err(fault(error)),
            Err(error) => error,
        };
        for attempt in 0..40_u64 {
            tokio::time::sleep(Duration::from_millis(50 * (attempt + 1).min(20))).await;
            let Ok(mut again) = self.server.connect("asking for a lost commit").await else { continue };
            let asked = sqlx::query("select txid_status($1)").bind(id).fetch_one(&mut again).await;
            let status: Option<String> = asked.ok().and_then(|row| row.try_get(0).ok()).flatten();
            match status.as_deref() {
                Some("committed") => return Ok(()),
                Some("aborted") => return Err(fault(lost).later()),
                _ => {}
            }
        }
        let hint = format!(
            "look into engine_publications for run `{}`: if it is there, it was published",
            self.publication.run
        );
        Err(self.server.error("publishing", Blame::System, "the answer to COMMIT was lost").hint(hint))
    }
}

fn fatal(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return true };
    error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
}

fn insert(to: &str, from: &str, stage: &Stage, columns: &[&str]) -> String {
    let names = statement::list(columns.iter().copied());
    let cast = |name: &&str| {
        let there = stage.there.iter().flat_map(|there| &there.columns).find(|column| column.name == **name);
        match there.filter(|column| column.kind.as_text) {
            Some(column) => format!("{}::{}", quote(name), column.declared),
            None => quote(name),
        }
    };
    format!("insert into {to} ({names}) select {} from {from}", columns.iter().map(cast).collect::<Vec<_>>().join(", "))
}

fn check_names(server: &Server, publication: &Publication) -> Result<()> {
    for target in &publication.tables {
        let columns = target.schema.fields().iter().map(|field| field.name().as_str());
        for name in columns.chain([target.table.as_str()]) {
            if name.len() > LONGEST_NAME {
                let doing = format!("writing `{}`", target.table);
                let message =
                    format!("`{name}` has more than the {LONGEST_NAME} bytes that PostgreSQL keeps of a name");
                return Err(server.error(&doing, Blame::User, message).hint("give it a shorter name"));
            }
        }
    }
    Ok(())
}

async fn own_tables(server: &Server, on: &mut PgConnection, publication: &Publication) -> sqlx::Result<()> {
    let schema = server.schema();
    let sql = "select to_regnamespace(quote_ident($1)) is not null, to_regclass(quote_ident($1) || '.engine_publications') is not null, \
               to_regtype(quote_ident($1) || '.engine_ubigint') is not null";
    let row = sqlx::query(sql).bind(schema).fetch_one(&mut *on).await?;
    let (schema_there, tables_there, type_there): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
    let mut sql = vec!["begin".to_owned(), TURN.to_owned()];
    if !schema_there {
        sql.push(format!("create schema if not exists {}", quote(schema)));
    }
    if !tables_there {
        let table =
            |name: &str, columns: &str| format!("create table if not exists {} ({columns})", within(schema, name));
        sql.push(table(
            "engine_positions",
            "pipeline text primary key, position text not null, run text not null, epoch bigint not null",
        ));
        sql.push(table(
            "engine_dead_letters",
            "pipeline text not null, source text not null, partition integer not null, \"offset\" bigint not null, \
             payload bytea not null, reason text not null, run text not null",
        ));
        sql.push(table("engine_publications", "run text not null, table_name text not null, rows bigint not null"));
    }
    let unsigned = |target: &Target| {
        let fields = target.schema.fields().iter().filter_map(|field| column(field)).map(|column| column.kind);
        fields.chain(target.definition.columns.iter().map(|c| c.kind.clone())).any(|kind| kind == ColumnType::UBigInt)
    };
    if !type_there && publication.tables.iter().any(unsigned) {
        let name = within(schema, super::types::UNSIGNED);
        sql.push(format!(
            "do $$ begin if to_regtype({}) is null then create domain {name} as numeric(20,0) \
             check (value between 0 and 18446744073709551615); end if; end $$",
            literal(&name)
        ));
    }
    if sql.len() == 2 {
        return Ok(());
    }
    sql.push("commit".into());
    run(on, sql.join("; ")).await
}

async fn stage(server: &Server, on: &mut PgConnection, id: &str, number: usize, target: &Target) -> Result<Stage> {
    let doing = format!("staging `{}`", target.table);
    let fault = |error| server.fault(&doing, error);
    let schema = server.schema();
    let run_hash = xxh3_64(id.as_bytes());
    let name = format!("{STAGE}{run_hash:016x}_{number}_{:08x}", xxh3_64(target.table.as_str().as_bytes()) >> 32);
    let there = describe::relation(on, schema, target.table.as_str()).await.map_err(fault)?;
    let whole = target.mode == Mode::Replace;
    let mut definition = target.definition.clone();
    if definition.columns.is_empty() {
        definition.columns = target.schema.fields().iter().filter_map(|field| column(field)).collect();
    } else {
        definition.columns.retain(|column| whole || target.schema.index_of(&column.name).is_ok());
    }
    let at = within(schema, &name);
    let sql = match &there {
        Some(there) if !whole => {
            let mut columns = vec![];
            for field in target.schema.fields() {
                let found = there.columns.iter().find(|column| column.name == *field.name()).ok_or_else(|| {
                    let message = format!("`{}` has no column `{}`", target.table, field.name());
                    server.error(&doing, Blame::User, message).hint("add the column, or run with `--full-refresh`")
                })?;
                let kind = if found.kind.as_text { "text" } else { found.declared.as_str() };
                columns.push(format!("{} {kind}", quote(field.name())));
            }
            format!("create unlogged table {at} ({})", columns.join(", "))
        }
        _ => statement::create(&at, schema, &definition, whole),
    };
    run(on, format!("drop table if exists {at}")).await.map_err(fault)?;
    run(on, sql).await.map_err(fault)?;
    if !whole {
        let sql = format!("alter table {at} add {ORDER} bigint generated by default as identity");
        run(on, sql).await.map_err(fault)?;
    }
    let made = describe::relation(on, schema, &name).await.map_err(fault)?.expect("the table was just made");
    let columns = made.columns.into_iter().filter(|column| column.name != ORDER).collect();
    Ok(Stage { name, columns, definition, there })
}

#[async_trait::async_trait]
impl Publisher for Staged {
    async fn writer(&self, table: &Name) -> Result<Box<dyn Writer>> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let mut shapes = vec![];
        for field in target.schema.fields() {
            let found = stage.columns.iter().find(|column| column.name == *field.name());
            let found = found.ok_or_else(|| {
                let message = format!("column `{}` has a type that PostgreSQL does not carry", field.name());
                self.server.error(&format!("writing `{table}`"), Blame::Data, message)
            })?;
            shapes.push((arrow_type(&found.kind.column), found.kind.wire.clone()));
        }
        let columns = statement::list(target.schema.fields().iter().map(|field| field.name().as_str()));
        let copy = format!("copy {} ({columns}) from stdin (format binary)", within(self.server.schema(), &stage.name));
        let names = (table.to_string(), stage.name.clone());
        Ok(Box::new(StageWriter::open(self.server.clone(), names, copy, shapes).await?))
    }

    async fn preview(&self, table: &Name) -> Result<Arc<dyn TableProvider>> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let applied = self.apply().await?;
        let doing = format!("looking at `{table}`");
        let whole = target.mode == Mode::Replace;
        let from = if whole { stage.name.as_str() } else { table.as_str() };
        let relation = {
            let mut on = applied.connection.lock().await;
            describe::relation(&mut on, self.server.schema(), from).await
        };
        let relation = relation.map_err(|e| self.server.fault(&doing, e))?.expect("the table was just made");
        let through = if whole { Through::Own(None) } else { Through::Shared(applied.connection.clone()) };
        let names = (table.to_string(), within(self.server.schema(), from));
        let schema = arrow_schema(&relation.definition);
        Ok(Arc::new(Table::new(self.server.clone(), names, relation.columns, schema, through)))
    }

    async fn commit(mut self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        fail::fail_point!("postgres::staged");
        let applied = self.apply().await?;
        let mut on = applied.connection.lock().await;
        let fault = |error| self.server.fault("publishing", error);
        let mut written = vec![];
        for (target, stage) in self.pairs() {
            let sql = format!("select count(*) from {}", within(self.server.schema(), &stage.name));
            let rows: i64 = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *on).await.map_err(fault)?.get(0);
            let marker = within(self.server.schema(), "engine_publications");
            let sql = format!("insert into {marker} values ($1, $2, $3)");
            let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.publication.run).bind(target.table.as_str());
            query.bind(rows).execute(&mut *on).await.map_err(fault)?;
            written.push(Written { table: target.table.clone(), rows: rows.unsigned_abs() });
        }
        if let (Some(pipeline), Some(move_on)) = (&self.publication.pipeline, &commit.advance) {
            self.advance(&mut on, pipeline, move_on).await?;
        }
        let pipeline = self.publication.pipeline.as_ref().map_or("", Name::as_str);
        self.dead_letters(&mut on, pipeline, &commit.rejected).await?;
        self.replace(&mut on, &applied.indexes).await?;
        for (target, stage) in self.pairs() {
            if target.mode != Mode::Replace {
                run(&mut on, format!("drop table {}", within(self.server.schema(), &stage.name)))
                    .await
                    .map_err(fault)?;
            }
        }
        fail::fail_point!("postgres::publishing");
        self.settle(&mut on).await?;
        fail::fail_point!("postgres::published");
        drop(on);
        self.committed = true;
        Ok(written)
    }
}

impl Drop for Staged {
    /// Takes the staging tables away; if that fails, the next run's recovery does.
    fn drop(&mut self) {
        let applied = self.applied.get_mut().take();
        if self.committed {
            return;
        }
        let (server, stages) = (self.server.clone(), std::mem::take(&mut self.stages));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // Its connection rolls back when it is closed.
            drop(applied);
            for stage in stages {
                let sql = format!("drop table if exists {}", within(server.schema(), &stage.name));
                if let Err(error) = server.rows("removing staging", &sql, &[]).await {
                    tracing::warn!(%error, stage = stage.name, "staging is left for the next run to remove");
                }
            }
        });
    }
}
