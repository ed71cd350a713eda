//! SQLite files as other programs leave them.

use crate::contract::subject::{appended, open, pairs, request, shown};
use datafusion::arrow::record_batch::RecordBatch;
use engine_connect::{
    arrow::digest::Digester,
    hub::{
        connection::Connection,
        error::{Blame, Retry},
        publication::{Commit, PublishRequest, Writers},
        source::{ReadRequest, TableRequest},
        version::RowDigests,
    },
};
use engine_language::{
    column::ColumnType,
    table::{Column, TableDefinition},
};
use rusqlite::Connection as Sqlite;
use std::{fs, sync::Arc, thread};

/// A connection to `data.db` in a folder.
fn connect(folder: &tempfile::TempDir) -> Arc<dyn Connection> {
    open("type = \"sqlite\"\npath = \"data.db\"\nbusy_timeout_s = 0", folder.path())
}

fn pair() -> TableDefinition {
    let columns = vec![Column::new("id", ColumnType::BigInt), Column::new("word", ColumnType::Text(None))];
    TableDefinition { columns, ..TableDefinition::default() }
}

async fn read(connection: &Arc<dyn Connection>, table: &str) -> Result<String, engine_connect::hub::error::Error> {
    let request = ReadRequest { tables: vec![request(table, &pair())] };
    let reading = connection.readable().unwrap().open(request).await?;
    Ok(shown(&reading.tables[0]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::open(folder.path().join("data.db")).unwrap();
    file.execute_batch("create table t (id bigint, word text); insert into t values (1, 'a'), ('x', 'b')").unwrap();
    let reading =
        connect(&folder).readable().unwrap().open(ReadRequest { tables: vec![TableRequest::all("t")] }).await.unwrap();
    let context = datafusion::prelude::SessionContext::new();
    let rows = context.read_table(reading.tables[0].provider.clone()).unwrap().collect().await;
    let said = format!("{:?}", rows.unwrap_err());
    assert!(said.contains("`t`.`id` in row 2") && said.contains("blame: Data"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data.db"), "id,word\n1,a\n".repeat(100)).unwrap();
    let error = read(&connect(&folder), "t").await.unwrap_err();
    assert_eq!(error.blame, Blame::User);
    assert!(error.to_string().contains("is not an SQLite database"), "{error}");
    assert!(error.hint.unwrap().contains("check `path`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_worth_another_try() {
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::open(folder.path().join("data.db")).unwrap();
    file.execute_batch("create table t (id bigint, word text); insert into t values (1, 'a'); begin exclusive")
        .unwrap();
    let connection = connect(&folder);
    let error = read(&connection, "t").await.unwrap_err();
    assert!(error.to_string().contains("another process has"), "{error}");
    assert_ne!(error.retry, Retry::Never);
    file.execute_batch("rollback").unwrap();
    assert_eq!(read(&connection, "t").await.unwrap(), "1 a");
}

/// Another program moves a row between two tables as fast as it can: it is in one of them, whenever one looks.
#[tokio::test(flavor = "multi_thread")]
async fn tables_are_seen_as_of_one_instant_while_another_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let file = Sqlite::open(&path).unwrap();
    file.pragma_update(None, "journal_mode", "wal").unwrap();
    let tables = "create table a (id bigint, word text); create table b (id bigint, word text)";
    file.execute_batch(&format!("{tables}; insert into a values (1, 'x')")).unwrap();
    let writer = thread::spawn(move || {
        for round in 0..400 {
            let (from, to) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
            let moved = format!("begin immediate; insert into {to} select * from {from}; delete from {from}; commit");
            file.execute_batch(&moved).unwrap();
            thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    let connection = open("type = \"sqlite\"\npath = \"data.db\"", folder.path());
    while !writer.is_finished() {
        let both = ["a", "b"].map(|table| request(table, &pair())).to_vec();
        let reading = connection.readable().unwrap().open(ReadRequest { tables: both }).await.unwrap();
        let (a, b) = (shown(&reading.tables[0]).await, shown(&reading.tables[1]).await);
        assert!(a == "1 x" && b.is_empty() || a.is_empty() && b == "1 x", "a: {a}, b: {b}");
    }
    writer.join().unwrap();
}

/// Appends a row; what it adds to the version, and what the version then is.
async fn append(connection: &Arc<dyn Connection>, rows: RecordBatch) -> Option<RowDigests> {
    let publication = PublishRequest { run: "run".into(), tables: vec![appended("words")], pipeline: None };
    let publisher = connection.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(rows.clone()).await.unwrap();
    writer.finish().await.unwrap();
    let mut digester = Digester::new(&rows.schema()).unwrap();
    digester.add(&rows).unwrap();
    let added = publisher.server_digest().unwrap().added(&"words".into(), digester.digest()).await.unwrap();
    publisher.commit(Commit::default()).await.unwrap();
    added
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_adds_to_the_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::open(folder.path().join("data.db")).unwrap();
    file.execute_batch("create table words (id bigint, word text); insert into words values (1, 'a')").unwrap();
    let (connection, words) = (connect(&folder), TableRequest::all("words"));
    let now = async || connection.readable().unwrap().version(&words, None).await.unwrap().unwrap();
    let before = now().await;
    let added = append(&connection, pairs(&[(2, "02"), (3, "c")])).await.unwrap();
    let told = connection.version_after_append(&before, &words, &added).unwrap();
    assert_eq!(told.value(), now().await.value(), "it is the digest of all rows");
    for sql in [
        "create trigger t after insert on words begin update words set word = upper(word); end",
        "drop trigger t; drop table words; create table words (id bigint unique on conflict replace, word text)",
        "drop table words; create table words (id bigint, word stringy)",
        "drop table words; create table words (id bigint, word text, more bigint default 1)",
    ] {
        file.execute_batch(sql).unwrap();
        assert!(append(&connection, pairs(&[(4, "04")])).await.is_none(), "{sql}");
    }
}
