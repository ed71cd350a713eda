//! The tables of the records, and how older ones are brought up to date.

use rusqlite::Connection;

/// One script a version; a database of version n has had the first n.
const MIGRATIONS: &[&str] = &["
    create table runs (id text primary key, started_us integer not null, state text not null, took_us integer);
    create table nodes (run text not null, node text not null, status text not null, rows integer, took_us integer not null,
        note text, verdict text);
    create index nodes_run on nodes (run);
    create table logs (run text not null, at_us integer not null, level text not null, node text, message text not null);
    create index logs_run on logs (run);
    create table tokens (place text primary key, token text not null);
    create table built (target text not null, node text not null, key text, output text, fingerprint text not null,
        at_us integer not null, rows integer, primary key (target, node));
"];

/// Brings a database up to date, each step in one transaction.
pub fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let version: usize = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    for (i, script) in MIGRATIONS.iter().enumerate().skip(version) {
        connection.execute_batch(&format!("begin immediate; {script} pragma user_version = {}; commit;", i + 1))?;
    }
    Ok(())
}
