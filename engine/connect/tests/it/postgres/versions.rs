//! What tells that a table changed, on a server that others use too.

use super::{Place, run};
use crate::contract::subject::{pairs, pairs_definition, target};
use engine_connect::hub::{
    publication::{Commit, Mode, PublishRequest, Writers},
    source::TableRequest,
    version::{Reads, Version},
};
use sqlx::Connection as _;
use std::time::Duration;

const TABLES: &str = "create type mood as enum ('good', 'bad');
    create table words (id bigint, word text, mood mood); insert into words select i, 'w', 'good' from generate_series(1, 100) i;
    create table other (id bigint)";

async fn version(place: &Place, last: Option<&Version>) -> Version {
    let source = place.connection.readable().unwrap();
    source.version(&TableRequest::all("words"), last).await.unwrap().unwrap()
}

/// The version when nobody else is in the database any more.
async fn settled(place: &Place, last: &Version) -> Version {
    for _ in 0..300 {
        let now = version(place, Some(last)).await;
        if now.content.reads.is_none() {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the rows are read again and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_to_other_tables_do_not_have_a_table_read() {
    let place = Place::alone("", TABLES).await;
    let first = version(&place, None).await;
    place.run("insert into other values (1)").await;
    let second = settled(&place, &first).await;
    assert_eq!(second.value(), first.value());
    assert_ne!(second.content.hint, first.content.hint, "a transaction has begun since");
    for change in [
        "update words set word = 'x' where id = 1",
        "delete from words where id = 2",
        "truncate words",
        "insert into words values (7, 'seven', 'good')",
        "alter type mood rename value 'good' to 'fine'",
        "alter table words drop column word; alter table words add column word text default 'again'",
        "drop table words; create table words (id bigint, mood mood, word text)",
    ] {
        let before = version(&place, None).await;
        place.run("insert into other values (2)").await;
        let before = settled(&place, &before).await;
        place.run(change).await;
        assert_ne!(version(&place, Some(&before)).await.value(), before.value(), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_not_handed_its_counts_in_hides_nothing() {
    let place = Place::alone("", TABLES).await;
    let mut session = place.session().await;
    let mut last = version(&place, None).await;
    // The server takes a session's counts once a second at most.
    for id in 1000..1020 {
        run(&mut session, &format!("insert into words values ({id}, 'new', null)")).await;
        let now = version(&place, Some(&last)).await;
        assert_ne!(now.value(), last.value(), "row {id}");
        last = now;
    }
    run(&mut session, "begin; insert into other values (1)").await;
    place.run("insert into other values (2)").await;
    let now = version(&place, Some(&last)).await;
    assert_eq!((now.value(), now.content.reads), (last.value(), Some(Reads::AnyWrite)), "it may hold counts back");
    session.close().await.unwrap();
    let mut session = place.session().await;
    run(&mut session, "update words set word = 'late' where id = 1").await;
    session.close().await.unwrap();
    assert_ne!(version(&place, Some(&now)).await.value(), now.value());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_depend_on_who_asks_are_read() {
    for sql in
        ["alter table words enable row level security", "alter table words rename to w; create view words as table w"]
    {
        let place = Place::alone("", TABLES).await;
        place.run(sql).await;
        let first = version(&place, None).await;
        place.run("insert into other values (1)").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let second = version(&place, Some(&first)).await;
        assert_eq!((second.value(), second.content.reads), (first.value(), Some(Reads::AnyWrite)), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_adds_to_the_version() {
    let place = Place::alone("", "create table words (id bigint, word text); insert into words values (1, 'a')").await;
    let before = version(&place, None).await;
    let publisher =
        place.staged(target("words", &pairs_definition(), Mode::Append), pairs(&[(2, "b")]), None).await.unwrap();
    let digests = publisher.server_digest().unwrap();
    let added =
        digests.added(&"words".into(), engine_connect::arrow::digest::Digest::default()).await.unwrap().unwrap();
    publisher.commit(Commit::default()).await.unwrap();
    let told = place.connection.version_after_append(&before, &TableRequest::all("words"), &added).unwrap();
    assert_eq!(told.value(), version(&place, None).await.value(), "it is what the server says of all rows");
    assert_eq!(settled(&place, &told).await.value(), told.value(), "and nobody reads them again");
    place.run("insert into words values (3, 'c')").await;
    assert_ne!(version(&place, Some(&told)).await.value(), told.value());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_trigger_may_change_do_not_add_to_the_version() {
    let place = Place::alone(
        "",
        "create table words (id bigint, word text);
         create function shout() returns trigger language plpgsql as 'begin new.word = upper(new.word); return new; end';
         create trigger shout before insert on words for each row execute function shout()",
    )
    .await;
    let table = target("words", &pairs_definition(), Mode::Append);
    let request = PublishRequest { run: "run".into(), tables: vec![table], pipeline: None };
    let publisher = place.connection.writable().unwrap().begin(request).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(pairs(&[(2, "b")])).await.unwrap();
    writer.finish().await.unwrap();
    let digests = publisher.server_digest().unwrap();
    assert!(digests.added(&"words".into(), engine_connect::arrow::digest::Digest::default()).await.unwrap().is_none());
}
