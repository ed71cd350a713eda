//! PostgreSQL, on a real server.

mod access;
mod crashes;
mod faults;
mod instants;
mod limits;
mod losses;
mod names;
mod pushdown;
mod reading;
mod secure;
mod stops;
mod types;
mod versions;

use crate::contract::subject::{open, query};
use datafusion::{
    arrow::{array::RecordBatch, util::pretty::pretty_format_batches},
    catalog::TableProvider,
    prelude::SessionContext,
};
use engine_connect::hub::{
    connection::Connection,
    error::{Error, Result},
    publication::{Commit, Publication, PublishRequest, Target, Writers, Written},
    source::{ReadRequest, Snapshot, TableRequest},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row, raw_sql};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// The server under test.
pub fn url() -> String {
    std::env::var("ENGINE_TEST_POSTGRES_URL")
        .expect("ENGINE_TEST_POSTGRES_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}

/// The name of a schema that nobody else uses; the first write makes it.
pub fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("it_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A schema of one's own.
pub struct Place {
    pub schema: String,
    pub connection: Arc<dyn Connection>,
    /// The server and database past engine.
    url: String,
}

impl Place {
    /// With these objects in it.
    pub async fn with(sql: &str) -> Self {
        Self::set("", sql).await
    }

    /// The same, with more keys of the connection.
    pub async fn set(keys: &str, sql: &str) -> Self {
        let schema = schema();
        let place = Self { connection: connect(&schema, keys), schema, url: url() };
        place.run(&format!("create schema \"{}\"; {sql}", place.schema)).await;
        place
    }

    /// In a database of its own, whose sessions are all its own too.
    pub async fn alone(keys: &str, sql: &str) -> Self {
        let database = schema();
        run(&mut PgConnection::connect(&url()).await.unwrap(), &format!("create database {database}")).await;
        let place = Self::over(&format!("{}/{database}", url().rsplit_once('/').unwrap().0), keys);
        place.run(sql).await;
        place
    }

    /// In the schema `public` of a database.
    pub fn over(url: &str, keys: &str) -> Self {
        let toml = format!("type = \"postgres\"\nurl = \"{url}\"\n{keys}");
        Self { schema: "public".into(), connection: open(&toml, Path::new("/")), url: url.to_owned() }
    }

    /// The same place, as another engine knows it.
    pub fn again(&self, keys: &str) -> Self {
        Self { schema: self.schema.clone(), ..Self::over(&self.url, &format!("schema = \"{}\"\n{keys}", self.schema)) }
    }

    pub async fn publish(&self, target: Target, batch: RecordBatch) -> Result<Vec<Written>> {
        self.staged(target, batch, None).await?.commit(Commit::default()).await
    }

    /// A publication of one table whose rows are in staging.
    pub async fn staged(
        &self,
        target: Target,
        batch: RecordBatch,
        pipeline: Option<&str>,
    ) -> Result<Box<dyn Publication>> {
        let table = target.table.clone();
        let publication =
            PublishRequest { run: "run".into(), tables: vec![target], pipeline: pipeline.map(Into::into) };
        let publisher = self.connection.writable().unwrap().begin(publication).await?;
        let mut writer = publisher.writer(&table, Writers::Several).await?;
        writer.write(batch).await?;
        writer.finish().await?;
        Ok(publisher)
    }

    /// The words of a table of pairs, by id.
    pub async fn words(&self) -> String {
        self.value("select string_agg(word, ' ' order by id) from words").await
    }

    /// Recovers until the server has noticed which sessions are gone.
    pub async fn recover(&self) {
        let staging = "select count(*) from pg_class where relkind = 'r' and relnamespace = (select oid from pg_namespace \
                       where nspname = current_schema()) and relname like 'engine\\_stage%'";
        for _ in 0..100 {
            self.connection.writable().unwrap().recover().await.unwrap();
            if self.value(staging).await == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} staging tables are left", self.value(staging).await);
    }

    /// Sessions of engine in the database, but for those that lie ready for short statements.
    pub async fn sessions(&self) -> String {
        self.value(&format!("select count(*) from pg_stat_activity where {SESSIONS}")).await
    }

    /// That no session stays behind.
    pub async fn no_sessions(&self) {
        for _ in 0..600 {
            if self.sessions().await == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let left = format!("select string_agg(state || ' ' || query, '; ') from pg_stat_activity where {SESSIONS}");
        panic!("sessions are left: {}", self.value(&left).await);
    }

    /// A connection as any other program has it, with the schema as its own.
    pub async fn session(&self) -> PgConnection {
        let mut on = PgConnection::connect(&self.url).await.unwrap();
        run(&mut on, &format!("set search_path = \"{}\", public", self.schema)).await;
        on
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) {
        run(&mut self.session().await, sql).await;
    }

    /// One value, as text.
    pub async fn value(&self, sql: &str) -> String {
        let sql = format!("select ({sql})::text");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.session().await).await.unwrap();
        row.get::<Option<String>, _>(0).unwrap_or_else(|| "NULL".into())
    }

    /// Opens tables together.
    pub async fn open(&self, tables: &[&str]) -> Result<Snapshot> {
        let tables = tables.iter().map(|table| TableRequest::all(*table)).collect();
        self.connection.readable().unwrap().open(ReadRequest { tables }).await
    }

    /// Opens a table.
    pub async fn provider(&self, table: &str) -> Arc<dyn TableProvider> {
        self.open(&[table]).await.unwrap().tables.remove(0).provider
    }

    /// What SQL gives over a table named `t`: rows of cells, with spaces and bars.
    pub async fn query(&self, table: &str, sql: &str) -> String {
        shown(&query(self.provider(table).await, sql).await)
    }

    /// Why all of a table cannot be read.
    pub async fn fails(&self, table: &str) -> Error {
        let frame = SessionContext::new().read_table(self.provider(table).await).unwrap();
        let error = frame.collect().await.unwrap_err();
        match error {
            datafusion::error::DataFusionError::External(error) => *error.downcast().unwrap(),
            other => panic!("{other}"),
        }
    }
}

/// What a session is by which engine reads or writes. Those of its pool are few, idle, and not in a transaction.
const SESSIONS: &str = "datname = current_database() and application_name = 'engine' \
    and (state <> 'idle' or pid in (select pid from pg_locks where locktype = 'advisory'))";

/// A connection to a schema.
pub fn connect(schema: &str, keys: &str) -> Arc<dyn Connection> {
    let toml = format!("type = \"postgres\"\nurl = \"{}\"\nschema = \"{schema}\"\n{keys}", url());
    open(&toml, Path::new("."))
}

/// Runs statements.
pub async fn run(on: &mut PgConnection, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(on).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Rows of cells: `1 a | 2 b`.
pub fn shown(batches: &[RecordBatch]) -> String {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ");
    lines.map(cells).collect::<Vec<_>>().join(" | ")
}
