//! The servers, which are stopped and started.

use crate::oracle::Said;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::runtime::Runtime;

/// Private servers that `scripts/services up` started.
pub struct Servers {
    /// The brokers' address.
    pub brokers: String,
    /// The database's URL.
    pub postgres: String,
    folder: PathBuf,
    runtime: Runtime,
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `make chaos` starts servers and sets it"))
}

impl Servers {
    /// Those of the environment.
    pub fn found() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (brokers, postgres) = (variable("ENGINE_TEST_KAFKA"), variable("ENGINE_TEST_POSTGRES_URL"));
        Self { brokers, postgres, folder: variable("ENGINE_SERVICES").into(), runtime }
    }

    /// Makes a topic and a table with rules, and says what both are called.
    pub fn prepare(&self) -> String {
        let place = format!("chaos_{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let topic = format!("{place}.users");
        let new = NewTopic::new(&topic, 4, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
        self.runtime.block_on(admin.create_topics([&new], &options)).unwrap().remove(0).unwrap();
        self.sql(&format!(
            "create schema {place}; create table {place}.users (user_id serial primary key, email text not null unique, \
             n bigint not null, status text not null check (status in ('Gold', 'Silver', 'Bronze')))"
        ));
        place
    }

    fn sql(&self, sql: &str) -> Vec<sqlx::postgres::PgRow> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.postgres).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap()
        })
    }

    /// What the table and the dead letters hold.
    pub fn found_in(&self, place: &str) -> Said {
        let users = self.sql(&format!("select email, n, status from {place}.users"));
        let users = users.iter().map(|row| (row.get(0), (row.get(1), row.get(2))));
        let letters = self.sql(&format!("select partition, \"offset\" from {place}.engine_dead_letters order by 1, 2"));
        let poison = letters.iter().map(|row| (row.get(0), row.get(1))).collect();
        Said { messages: 0, users: users.collect(), poison }
    }

    /// Kills the broker and starts it again.
    pub fn restart_broker(&self) {
        signal("-9", &fs::read_to_string(self.folder.join("kafka/pid")).unwrap());
        thread::sleep(Duration::from_secs(1));
        up("kafka");
    }

    /// Stops the database at once, as a machine that fails would, and starts it again.
    pub fn restart_database(&self) {
        let note = fs::read_to_string(self.folder.join("postgres/data/postmaster.pid")).unwrap();
        let id = note.lines().next().unwrap().to_owned();
        signal("-QUIT", &id);
        while fs::exists(format!("/proc/{id}")).unwrap() {
            thread::sleep(Duration::from_millis(50));
        }
        up("postgres");
    }
}

fn signal(signal: &str, id: &str) {
    assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
}

fn up(service: &str) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/service").join(service);
    let mut command = Command::new(script);
    // What is given by its variable is not started.
    command.arg("up").env_remove("ENGINE_TEST_KAFKA").env_remove("ENGINE_TEST_POSTGRES_URL");
    assert!(command.status().unwrap().success(), "{service} starts again");
}
