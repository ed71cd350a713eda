//! MySQL and MariaDB, on a real server.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use std::sync::atomic::{AtomicU32, Ordering};

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
