//! A gate before each table, at which readers and the one that replaces it wait for each other.
//!
//! A reading opens more connections while it goes on. Were they to ask for a table that a publisher waits for, they would
//! queue behind it, and it waits for their own reading: a deadlock. So a reading passes the gate once, before its
//! snapshot, and a publisher locks the table only behind a gate that it has for itself.

use super::table_swap::run;
use sqlx::PgConnection;
use xxhash_rust::xxh3::xxh3_64;

/// Lets a reading through until its connection closes, or rests.
pub async fn share<'a>(on: &mut PgConnection, schema: &str, tables: impl Iterator<Item = &'a str>) -> sqlx::Result<()> {
    for key in keys("gate", schema, tables) {
        run(on, format!("select pg_advisory_lock_shared({key})")).await?;
    }
    Ok(())
}

/// Waits for the readings of tables that are to be replaced, and keeps others out until the transaction ends.
pub async fn close<'a>(on: &mut PgConnection, schema: &str, tables: impl Iterator<Item = &'a str>) -> sqlx::Result<()> {
    for key in keys("gate", schema, tables) {
        run(on, format!("select pg_advisory_xact_lock({key})")).await?;
    }
    Ok(())
}

/// Waits for others that publish the same tables, and lets none before this session ends.
pub async fn turn<'a>(on: &mut PgConnection, schema: &str, tables: impl Iterator<Item = &'a str>) -> sqlx::Result<()> {
    for key in keys("turn", schema, tables) {
        run(on, format!("select pg_advisory_lock({key})")).await?;
    }
    Ok(())
}

/// In one order for all, so that nobody waits in a circle.
fn keys<'a>(what: &str, schema: &str, tables: impl Iterator<Item = &'a str>) -> Vec<i64> {
    let key = |table| xxh3_64(format!("engine {what} {schema}.{table}").as_bytes()).cast_signed();
    let mut keys: Vec<i64> = tables.map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
