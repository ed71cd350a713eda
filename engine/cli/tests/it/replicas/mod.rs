//! Replications, as a project says them.

mod between;
mod database;
mod full;
mod increments;
mod kept;
mod parts;
mod shop;
mod to_mysql;

use crate::builder::Test;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row, raw_sql};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Runtime;

/// Two schemas of one server, and what other programs do with it.
pub struct Server {
    pub from: String,
    pub to: String,
    runtime: Runtime,
}

/// The server under test.
pub fn url() -> String {
    std::env::var("ENGINE_TEST_POSTGRES_URL")
        .expect("ENGINE_TEST_POSTGRES_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}

impl Server {
    /// With these objects in the schema that is read.
    pub fn with(sql: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("cli_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = Self { from: format!("{name}_a"), to: format!("{name}_b"), runtime };
        server.run(&format!("create schema {}; set search_path = {}, public; {sql}", server.from, server.from));
        server
    }

    /// Runs statements.
    pub fn run(&self, sql: &str) {
        let sql = format!("set search_path = {}, public; {sql}", self.from);
        self.runtime.block_on(async {
            let mut on = PgConnection::connect(&url()).await.unwrap();
            raw_sql(AssertSqlSafe(sql.clone())).execute(&mut on).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        });
    }

    /// One value as text. `FROM` and `TO` are the schemas.
    pub fn value(&self, sql: &str) -> String {
        let sql = format!("select ({})::text", self.named(sql));
        self.runtime.block_on(async {
            let mut on = PgConnection::connect(&url()).await.unwrap();
            let row = sqlx::query(AssertSqlSafe(sql.clone())).fetch_one(&mut on).await;
            let row = row.unwrap_or_else(|error| panic!("{sql}: {error}"));
            row.get::<Option<String>, _>(0).unwrap_or_else(|| "NULL".into())
        })
    }

    pub fn named(&self, sql: &str) -> String {
        sql.replace("FROM.", &format!("{}.", self.from)).replace("TO.", &format!("{}.", self.to))
    }

    /// Whether a table and its copy hold the same rows.
    pub fn same(&self, table: &str) -> bool {
        let differ = |a: &str, b: &str| {
            format!(
                "select count(*) from (select t::text from {a}.{table} t except all select t::text from {b}.{table} t) d"
            )
        };
        [(&self.from, &self.to), (&self.to, &self.from)].iter().all(|(a, b)| self.value(&differ(a, b)) == "0")
    }

    /// A project with both schemas as connections, and this replication.
    pub fn project(&self, replication: &str) -> Test {
        let connection = |name: &str, schema: &str| {
            format!("[connections.{name}]\ntype = \"postgres\"\nurl = \"{}\"\nschema = \"{schema}\"\n", url())
        };
        let text = format!(
            "default_sink = \"b\"\n{}{}[sources.a]\nconnection = \"a\"\n[sinks.b]\nconnection = \"b\"\n[replications.r]\nfrom = \"a\"\nto = \"b\"\n{replication}\n",
            connection("a", &self.from),
            connection("b", &self.to),
        );
        Test::new().file("project/sources.toml", &text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.run(&format!(
                "drop schema if exists {} cascade; drop schema if exists {} cascade",
                self.from, self.to
            ));
        }
    }
}
