//! PostgreSQL, on a real server.

mod names;
mod pushdown;
mod reading;
mod types;

use crate::contract::subject::{open, query};
use datafusion::{
    arrow::{array::RecordBatch, util::pretty::pretty_format_batches},
    catalog::TableProvider,
    prelude::SessionContext,
};
use engine_connect::{
    connector::Connection,
    error::{Error, Result},
    read::{ReadRequest, Reading, TableRequest},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row, raw_sql};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
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
}

impl Place {
    /// With these objects in it.
    pub async fn with(sql: &str) -> Self {
        Self::set("", sql).await
    }

    /// The same, with more keys of the connection.
    pub async fn set(keys: &str, sql: &str) -> Self {
        let schema = schema();
        let place = Self { connection: connect(&schema, keys), schema };
        place.run(&format!("create schema \"{}\"; {sql}", place.schema)).await;
        place
    }

    /// A connection as any other program has it, with the schema as its own.
    pub async fn session(&self) -> PgConnection {
        let mut on = PgConnection::connect(&url()).await.unwrap();
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
    pub async fn open(&self, tables: &[&str]) -> Result<Reading> {
        let tables = tables.iter().map(|table| TableRequest::all(*table)).collect();
        self.connection.read(ReadRequest { tables }).await
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
