//! A database of MySQL beside the schemas of PostgreSQL.

use crate::mysql_url;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row, raw_sql};
use tokio::runtime::Runtime;

/// A database of a MySQL or MariaDB server, and what other programs do with it.
pub struct Database {
    pub name: String,
    runtime: Runtime,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let database = Self { name: format!("cli_{}_{now}", std::process::id()), runtime };
        database.said(&format!("create database {}", database.name), false);
        database
    }

    /// One value as text; `DB.` is the database.
    pub fn value(&self, sql: &str) -> String {
        self.said(&sql.replace("DB.", &format!("{}.", self.name)), true)
    }

    /// Runs statements.
    pub fn run(&self, sql: &str) {
        self.said(&format!("use {}; {sql}", self.name), false);
    }

    fn said(&self, sql: &str, asks: bool) -> String {
        self.runtime.block_on(async {
            let mut on = MySqlConnection::connect(&mysql_url()).await.unwrap();
            raw_sql("set time_zone = '+00:00'").execute(&mut on).await.unwrap();
            let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
            if !asks {
                sql.execute(&mut on).await.unwrap();
                return String::new();
            }
            let row = sql.fetch_one(&mut on).await.unwrap();
            row.get_unchecked::<Option<String>, _>(0).unwrap_or_else(|| "NULL".into())
        })
    }

    /// The keys of a connection to it.
    pub fn keys(&self) -> String {
        format!("type = \"mysql\"\nurl = \"{}\"\ndatabase = \"{}\"\n", mysql_url(), self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.said(&format!("drop database {}", self.name), false);
        }
    }
}
