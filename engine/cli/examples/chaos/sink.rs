//! The database that the stream writes.

use crate::{
    oracle::Said,
    servers::{signal, up, variable},
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, Row as _};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

/// A private server of a kind.
pub struct Sink {
    kind: Kind,
    url: String,
    folder: PathBuf,
    runtime: Runtime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    MySql,
}

impl Sink {
    /// The one that the environment says.
    pub fn found(services: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (kind, url, folder) = match std::env::var("CHAOS_SINK").as_deref() {
            Err(_) | Ok("postgres") => (Kind::Postgres, variable("ENGINE_TEST_POSTGRES_URL"), "postgres"),
            Ok("mysql") => (Kind::MySql, variable("ENGINE_TEST_MYSQL_URL"), "mariadb"),
            Ok(other) => panic!("CHAOS_SINK is postgres or mysql, not {other}"),
        };
        Self { kind, url, folder: services.join(folder), runtime }
    }

    /// Its kind of connection.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "postgres",
            Kind::MySql => "mysql",
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a connection declares of it beside its URL.
    pub fn declared(&self) -> String {
        let place = match self.kind {
            Kind::Postgres => "schema",
            Kind::MySql => "database",
        };
        format!("type = \"{}\"\n{place} = \"PLACE\"", self.kind())
    }

    /// Makes the table, with rules.
    pub fn prepare(&self, place: &str) {
        let rules = "n bigint not null, status varchar(20) not null check (status in ('Gold', 'Silver', 'Bronze'))";
        let sql = match self.kind {
            Kind::Postgres => format!(
                "create schema {place}; \
                 create table {place}.users (user_id serial primary key, email text not null unique, {rules})"
            ),
            Kind::MySql => format!(
                "create database {place} character set utf8mb4 collate utf8mb4_bin; create table {place}.users \
                 (user_id int not null auto_increment primary key, email varchar(200) not null unique, {rules})"
            ),
        };
        self.execute(&sql);
    }

    /// What the table and the dead letters hold.
    pub fn found_in(&self, place: &str) -> Said {
        let users = self.rows(&["email", "n", "status"], &format!("{place}.users"));
        let user = |row: Vec<String>| {
            let [email, n, status] = row.try_into().unwrap();
            (email, (n.parse().unwrap(), status))
        };
        let letters = self.rows(&["`partition`", "`offset`"], &format!("{place}.engine_dead_letters"));
        let place = |row: &Vec<String>| (row[0].parse().unwrap(), row[1].parse().unwrap());
        let mut poison: Vec<(i32, i64)> = letters.iter().map(place).collect();
        poison.sort_unstable();
        Said { messages: 0, users: users.into_iter().map(user).collect(), poison }
    }

    /// Columns of a table as text; names stand as MySQL quotes them.
    fn rows(&self, columns: &[&str], table: &str) -> Vec<Vec<String>> {
        let text = |column: &&str| match self.kind {
            Kind::Postgres => format!("cast({} as text)", column.replace('`', "\"")),
            Kind::MySql => format!("cast({column} as char)"),
        };
        let list: Vec<String> = columns.iter().map(text).collect();
        let sql = format!("select {} from {table}", list.join(", "));
        let at = 0..columns.len();
        self.runtime.block_on(async {
            match self.kind {
                Kind::Postgres => {
                    let mut on = PgConnection::connect(&self.url).await.unwrap();
                    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut on).await.unwrap();
                    rows.iter().map(|row| at.clone().map(|at| row.get(at)).collect()).collect()
                }
                Kind::MySql => {
                    let mut on = MySqlConnection::connect(&self.url).await.unwrap();
                    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut on).await.unwrap();
                    rows.iter().map(|row| at.clone().map(|at| row.get(at)).collect()).collect()
                }
            }
        })
    }

    fn execute(&self, sql: &str) {
        self.runtime.block_on(async {
            match self.kind {
                Kind::Postgres => {
                    let mut on = PgConnection::connect(&self.url).await.unwrap();
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.unwrap();
                }
                Kind::MySql => {
                    let mut on = MySqlConnection::connect(&self.url).await.unwrap();
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.unwrap();
                }
            }
        });
    }

    /// Stops it at once, as a machine that fails would, and starts it again.
    pub fn restart(&self) {
        let (note, stop, service) = match self.kind {
            Kind::Postgres => ("data/postmaster.pid", "-QUIT", "postgres"),
            Kind::MySql => ("data/pid", "-KILL", "mariadb"),
        };
        let note = fs::read_to_string(self.folder.join(note)).unwrap();
        let id = note.lines().next().unwrap().to_owned();
        signal(stop, &id);
        while fs::exists(format!("/proc/{id}")).unwrap() {
            thread::sleep(Duration::from_millis(50));
        }
        up(service);
    }
}
