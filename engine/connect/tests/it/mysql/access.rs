//! Who may do what, and what is said when it may not.

use super::{Place, url};
use crate::contract::subject::{open, pairs, pairs_definition, target};
use engine_connect::hub::{
    connection::Connection,
    error::{Blame, Error, Retry},
    publication::{Mode, PublishRequest, Writers},
    source::{ReadRequest, TableRequest},
};
use std::sync::Arc;

fn connect(keys: &str) -> Arc<dyn Connection> {
    open(&format!("type = \"mysql\"\nurl = \"{}\"\n{keys}", url()), std::path::Path::new("/"))
}

async fn refused(keys: &str) -> Error {
    connect(keys).ping().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_apart() {
    let error = refused("password = \"wrong\"").await;
    assert_eq!((error.blame, error.retry), (Blame::User, Retry::Never), "{error}");
    assert!(error.hint.as_ref().unwrap().contains("check `user`, `password`"), "{error:?}");
    assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    let error = refused("user = \"nobody_such\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    let error = refused("database = \"no_such_database\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("check `database`"));
    let error = refused("port = 1").await;
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert!(error.hint.unwrap().contains("is the server running at"));
    let error = refused("password_file = \"/no/such/file\"").await;
    assert_eq!(error.blame, Blame::User, "{error}");
    let place = Place::new().await;
    let request = ReadRequest { tables: vec![TableRequest::all("words")] };
    let error = place.connection.readable().unwrap().open(request).await.err().unwrap();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("there is no table `words`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_who_it_is() {
    let said = connect("").ping().await.unwrap();
    assert!(said.starts_with("MariaDB 1") || said.starts_with("MySQL "), "{said}");
    assert!(said.contains(" at 127.0.0.1:") || said.contains(" at "), "{said}");
}

/// What a source's and a sink's account need, as the documentation says.
const SOURCE: &str = "select";
pub const SINK: &str = "select, insert, update, delete, create, drop, alter, index, references, trigger";

/// What an account is called: accounts are the whole server's, and their names are short.
pub fn user(place: &Place, name: &str) -> String {
    format!("{name}{}", &place.database[place.database.len().saturating_sub(24)..])
}

/// A place whose connection is that of an account with just these rights.
pub async fn account(place: &mut Place, name: &str, rights: &str) -> Arc<dyn Connection> {
    let user = user(place, name);
    place.run(&format!("create user '{user}'@'%' identified by 'secret'")).await;
    place.run(&format!("grant {rights} on {}.* to '{user}'@'%'", place.database)).await;
    connect(&format!("user = \"{user}\"\npassword = \"secret\"\ndatabase = \"{}\"", place.database))
}

#[test]
fn the_documentation_names_these_rights() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/databases.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("\ngrant {SOURCE} on shop.* to engine_source;\n")));
    assert!(page.contains(&format!("\ngrant {SINK} on marts.* to engine_sink;\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn least_rights_are_enough() {
    let mut place = Place::new().await;
    place.run("create table old (id bigint primary key, word text)").await;
    place.run("insert into old values (1, 'a')").await;
    let source = account(&mut place, "src", SOURCE).await;
    let request = ReadRequest { tables: vec![TableRequest::all("old")] };
    let reading = source.readable().unwrap().open(request).await.unwrap();
    assert_eq!(reading.tables[0].definition.key, ["id"]);
    source.readable().unwrap().version(&TableRequest::all("old"), None).await.unwrap().unwrap();
    let words = target("words", &pairs_definition(), Mode::Replace);
    let publication = PublishRequest { run: "run".into(), tables: vec![words.clone()], pipeline: None };
    let error = source.writable().unwrap().begin(publication).await.err().unwrap();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("grant the right"));

    let error = source.writable().unwrap().check_privileges(&[]).await.unwrap_err();
    assert!(error.hint.unwrap().starts_with(&format!("let an administrator run `grant {SINK} on")));
    let sink = account(&mut place, "snk", SINK).await;
    sink.writable().unwrap().check_privileges(&["words".into()]).await.unwrap();
    assert_eq!(place.staging().await, "0");
    for mode in [Mode::Replace, Mode::Append, Mode::Replace, Mode::DeleteInsert { key: vec!["id".into()] }] {
        let words = target("words", &pairs_definition(), mode);
        let publication = PublishRequest { run: "run".into(), tables: vec![words], pipeline: None };
        let publisher = sink.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(1, "a")])).await.unwrap();
        writer.finish().await.unwrap();
        publisher.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
    }
    assert_eq!(sink.writable().unwrap().recover().await.unwrap(), 0);
    assert_eq!(place.rows("words").await, ["1 a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_cannot_be_seen_are_kept() {
    let mut place = Place::new().await;
    let words = || target("words", &crate::contract::subject::keyed_definition(), Mode::Replace);
    place.publish(words(), pairs(&[(1, "a")])).await.unwrap();
    place.run("create table heard (id bigint)").await;
    place.run("create trigger hears after insert on words for each row insert into heard values (new.id)").await;
    let blind = account(&mut place, "bld", &SINK.replace(", trigger", "")).await;
    let publication = PublishRequest { run: "run".into(), tables: vec![words()], pipeline: None };
    let publisher = blind.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(pairs(&[(1, "a"), (2, "b")])).await.unwrap();
    writer.finish().await.unwrap();
    publisher.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
    assert_eq!(place.rows("words").await, ["1 a", "2 b"]);
    assert_eq!(place.one("select group_concat(id) from heard").await, "2");
}
