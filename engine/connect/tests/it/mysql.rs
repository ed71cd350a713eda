//! MySQL and MariaDB, on a real server.

mod access;
mod crashes;
mod faults;
mod keeping;
mod limits;
mod pushdown;
mod reading;
mod secure;
mod types;
mod versions;

use crate::contract::subject::{open, query};
use datafusion::{
    arrow::{array::RecordBatch, util::pretty::pretty_format_batches},
    error::DataFusionError,
};
use engine_connect::hub::{
    connection::Connection,
    error::{Error, Result},
    publication::{Commit, Publication, PublishRequest, Target, Writers, Written},
    source::{OpenTable, ReadRequest, TableRequest},
};
use engine_language::name::Name;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// The server under test.
pub fn url() -> String {
    std::env::var("ENGINE_TEST_MYSQL_URL")
        .expect("ENGINE_TEST_MYSQL_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}

/// A new database that nobody else uses.
pub fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let name = format!("it_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let sql = format!("create database {name}");
    // Whether or not the caller is in a runtime already.
    let make = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut on = MySqlConnection::connect(&url()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.unwrap();
        });
    });
    make.join().unwrap();
    name
}

/// A connection's table, over a database of its own.
pub fn toml() -> String {
    format!("type = \"mysql\"\nurl = \"{}\"\ndatabase = \"{}\"", url(), database())
}

/// A database of a test's own, through engine and past it.
struct Place {
    database: String,
    connection: Arc<dyn Connection>,
    on: MySqlConnection,
}

impl Place {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With further keys of the connection's table.
    async fn with(keys: &str) -> Self {
        Self::at(database(), keys).await
    }

    /// In the database of another server's URL.
    async fn over(connection: Arc<dyn Connection>, url: &str) -> Self {
        let mut on = MySqlConnection::connect(url).await.unwrap();
        sqlx::raw_sql("set time_zone = '+00:00', names utf8mb4").execute(&mut on).await.unwrap();
        Self { database: url.rsplit_once('/').unwrap().1.to_owned(), connection, on }
    }

    /// In a database that is there already.
    async fn at(name: String, keys: &str) -> Self {
        let toml = format!("type = \"mysql\"\nurl = \"{}\"\ndatabase = \"{name}\"\n{keys}", url());
        let mut on = MySqlConnection::connect(&url()).await.unwrap();
        let mode = "set sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00', names utf8mb4";
        sqlx::raw_sql(AssertSqlSafe(format!("use {name}; {mode}"))).execute(&mut on).await.unwrap();
        Self { database: name, connection: open(&toml, std::path::Path::new("/")), on }
    }

    /// Runs SQL past engine.
    async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.on).await.unwrap();
    }

    /// One value, as text.
    async fn one(&mut self, sql: &str) -> String {
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut self.on).await.unwrap();
        sqlx::Row::get_unchecked::<Option<String>, _>(&row, 0).unwrap_or_else(|| "NULL".into())
    }

    async fn open(&self, table: &str) -> OpenTable {
        let request = ReadRequest { tables: vec![TableRequest::all(table)] };
        self.connection.readable().unwrap().open(request).await.unwrap().tables.remove(0)
    }

    /// Rows of a table as lines of values, sorted.
    async fn rows(&self, table: &str) -> Vec<String> {
        let mut rows = shown(&query(self.open(table).await.provider, "select * from t").await);
        rows.sort();
        rows
    }

    /// Why a table cannot be read.
    async fn unread(&self, table: &str) -> Error {
        let context = datafusion::prelude::SessionContext::new();
        let frame = context.read_table(self.open(table).await.provider).unwrap();
        ours(frame.collect().await.unwrap_err())
    }

    async fn publish(&self, target: Target, batch: RecordBatch) -> Result<Vec<Written>> {
        self.staged(target, batch, None).await?.commit(Commit::default()).await
    }

    /// A publication of one table whose rows are in staging.
    async fn staged(&self, target: Target, batch: RecordBatch, pipeline: Option<&str>) -> Result<Box<dyn Publication>> {
        let table = target.table.clone();
        let publication =
            PublishRequest { run: "run".into(), tables: vec![target], pipeline: pipeline.map(Name::from) };
        let publisher = self.connection.writable().unwrap().begin(publication).await?;
        let mut writer = publisher.writer(&table, Writers::Several).await?;
        writer.write(batch).await?;
        writer.finish().await?;
        Ok(publisher)
    }

    /// Recovers until the server has noticed which sessions are gone.
    async fn recover(&mut self) {
        for _ in 0..100 {
            self.connection.writable().unwrap().recover().await.unwrap();
            if self.staging().await == "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} staging tables are left", self.staging().await);
    }

    /// How many staging tables there are.
    async fn staging(&mut self) -> String {
        let sql = "select count(*) from information_schema.tables where table_schema = database() \
                   and table_name like 'engine\\_stage%'";
        self.one(sql).await
    }
}

/// The connector's error in DataFusion's.
fn ours(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(ours) => *ours.downcast().unwrap(),
        other => panic!("{other}"),
    }
}

/// Batches as lines of values with spaces between.
fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let text = pretty_format_batches(batches).unwrap().to_string();
    let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ");
    lines.map(cells).collect()
}
