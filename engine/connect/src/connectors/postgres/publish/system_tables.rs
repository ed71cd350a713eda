//! The engine's own tables in the schema: positions, dead letters, and what was published.

use super::{Staged, run};
use crate::{
    arrow::types::column,
    connectors::postgres::{
        server::Server,
        statement::{literal, quote, within},
        types::UNSIGNED,
    },
    hub::{
        error::{Blame, Result},
        position::Position,
        publication::{Advance, DeadLetter, PublishRequest, Target},
        rejected::RejectedRow,
    },
};
use engine_language::{column::ColumnType, name::Name};
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// Keeps two first runs from making our own tables at once.
pub const TURN: &str = "select pg_advisory_xact_lock(7162453)";
/// What was published: the marker that tells whether a commit whose answer was lost took place.
pub const PUBLICATIONS: &str = "engine_publications";

/// Makes what is missing of them, and of the schema.
pub async fn own_tables(server: &Server, on: &mut PgConnection, publication: &PublishRequest) -> sqlx::Result<()> {
    let schema = server.schema();
    let sql = "select to_regnamespace(quote_ident($1)) is not null, exists (select from pg_attribute \
               where attrelid = to_regclass(quote_ident($1) || '.engine_publications') and attname = 'publication'), \
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
             payload bytea not null, reason text not null, run text not null, \
             primary key (pipeline, source, partition, \"offset\")",
        ));
        sql.push(table(PUBLICATIONS, "run text not null, table_name text not null, rows bigint not null"));
        // Earlier ones knew only their run.
        sql.push(format!("alter table {} add column if not exists publication text", within(schema, PUBLICATIONS)));
    }
    let unsigned = |target: &Target| {
        let fields = target.schema.fields().iter().filter_map(|field| column(field)).map(|column| column.kind);
        fields.chain(target.definition.columns.iter().map(|c| c.kind.clone())).any(|kind| kind == ColumnType::UBigInt)
    };
    if !type_there && publication.tables.iter().any(unsigned) {
        let name = within(schema, UNSIGNED);
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

impl Staged {
    /// Leaves the marker of a table's publication; a publication without tables has one without a table's name.
    pub async fn mark(&self, on: &mut PgConnection, table: &str, rows: u64) -> Result<()> {
        let marker = within(self.server.schema(), PUBLICATIONS);
        let sql = format!("insert into {marker} (run, table_name, rows, publication) values ($1, $2, $3, $4)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&self.publication.run).bind(table);
        let query = query.bind(rows.cast_signed()).bind(format!("{:016x}", self.id));
        query.execute(on).await.map(drop).map_err(|error| self.server.fault("publishing", error))
    }

    /// Moves a pipeline on, unless another has done so.
    pub async fn advance(&self, on: &mut PgConnection, pipeline: &Name, move_on: &Advance) -> Result<()> {
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

    /// Keeps rejected rows; one that is there already gets the new reason.
    pub async fn dead_letters(&self, on: &mut PgConnection, pipeline: &str, rows: &[RejectedRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let table = within(self.server.schema(), "engine_dead_letters");
        let sql = format!(
            "insert into {table} select $1, r.source, r.partition, r.\"offset\", r.payload, r.reason, $7 \
             from unnest($2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::text[]) \
             as r (source, partition, \"offset\", payload, reason) \
             on conflict (pipeline, source, partition, \"offset\") do update \
             set payload = excluded.payload, reason = excluded.reason, run = excluded.run"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(pipeline);
        let query = query.bind(rows.iter().map(|row| row.source.as_str()).collect::<Vec<_>>());
        let query = query.bind(rows.iter().map(|row| row.partition.cast_signed()).collect::<Vec<_>>());
        let query = query.bind(rows.iter().map(|row| row.offset).collect::<Vec<_>>());
        let query = query.bind(rows.iter().map(|row| row.payload.as_slice()).collect::<Vec<_>>());
        // A reason quotes what was refused, and text here has no NUL.
        let query = query.bind(rows.iter().map(|row| row.reason.replace('\0', "\u{fffd}")).collect::<Vec<_>>());
        let done = query.bind(&self.publication.run).execute(on).await;
        done.map(drop).map_err(|error| self.server.fault("keeping dead letters", error))
    }

    /// Lets dead letters go.
    pub async fn settle_letters(&self, on: &mut PgConnection, pipeline: &str, letters: &[DeadLetter]) -> Result<()> {
        let fault = |error| self.server.fault("letting dead letters go", error);
        let table = within(self.server.schema(), "engine_dead_letters");
        let sql =
            format!("delete from {table} where pipeline = $1 and source = $2 and partition = $3 and \"offset\" = $4");
        for letter in letters {
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(pipeline).bind(&letter.source);
            let query = query.bind(letter.partition.cast_signed()).bind(letter.offset);
            if query.execute(&mut *on).await.map_err(fault)?.rows_affected() == 0 {
                let message = format!("a dead letter of `{pipeline}` is gone meanwhile; nothing was written");
                return Err(self.server.error("letting dead letters go", Blame::Rival, message));
            }
        }
        Ok(())
    }
}
