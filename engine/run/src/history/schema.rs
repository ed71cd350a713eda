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
", "
    alter table runs add column asked text;
    alter table built add column text text;
    alter table built add column columns text;
    alter table built add column took_us integer;
", include_str!("serve.sql"), "
    drop index jobs_due;
", "
    alter table machines add column expires_us integer;
    update machines set expires_us = (unixepoch() + 90 * 86400) * 1000000;
"];

/// Brings a database up to date, each step in one transaction. One that a newer engine wrote is left alone.
pub fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let version: usize = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    if version > MIGRATIONS.len() {
        let newer = "a newer engine wrote it; use that one, or move the file away".to_owned();
        return Err(rusqlite::Error::UserFunctionError(newer.into()));
    }
    for (i, script) in MIGRATIONS.iter().enumerate().skip(version) {
        connection.execute_batch(&format!("begin immediate; {script} pragma user_version = {}; commit;", i + 1))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, migrate};
    use crate::history::History;
    use engine_language::graph::NodeId;
    use rusqlite::Connection;

    #[test]
    fn what_an_older_engine_wrote_is_still_known() {
        let old = Connection::open_in_memory().unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.execute_batch("pragma user_version = 1; insert into runs values ('01A', 7, 'failed', 9);").unwrap();
        old.execute_batch("insert into built values ('dev', 'model.m', 'k', 'o', 'f', 7, 3);").unwrap();
        let history = History::with(old).unwrap();
        assert_eq!(history.runs(10).unwrap()[0].id, "01A");
        assert_eq!(history.request_of("01A").unwrap(), None);
        let built = history.built("dev", &NodeId::Model("m".into())).unwrap().unwrap();
        assert_eq!((built.inputs, built.rows, built.text), (None, Some(3), None));
    }

    #[test]
    fn keys_of_an_older_engine_expire() {
        let old = Connection::open_in_memory().unwrap();
        for script in &MIGRATIONS[..3] {
            old.execute_batch(script).unwrap();
        }
        old.execute_batch("pragma user_version = 3; insert into machines (name, key, role, made_by, created_us) values ('ci', 'k', 'viewer', 'a', 7);").unwrap();
        let history = History::with(old).unwrap();
        let expires = history.machines().unwrap()[0].expires_us.unwrap();
        assert!(history.machine("k", expires - 1).unwrap().is_some());
        assert!(history.machine("k", expires).unwrap().is_none());
    }

    #[test]
    fn what_a_newer_engine_wrote_is_left_alone() {
        let newer = Connection::open_in_memory().unwrap();
        newer.execute_batch("pragma user_version = 99").unwrap();
        assert!(migrate(&newer).unwrap_err().to_string().contains("a newer engine wrote it"));
    }
}
