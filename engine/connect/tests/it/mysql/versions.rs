//! What tells that a table changed, on a server with a log of its changes and on one without.

use super::Place;
use crate::{
    contract::subject::{appended, open, pairs, pairs_definition, target},
    mortal::Mortal,
};
use datafusion::arrow::record_batch::RecordBatch;
use engine_connect::{
    arrow::digest::{Digest, Digester},
    hub::{
        publication::{Commit, Mode},
        source::TableRequest,
        version::{Reads, Version},
    },
};

async fn version(place: &Place, last: Option<&Version>) -> Version {
    let source = place.connection.readable().unwrap();
    source.version(&TableRequest::all("words"), last).await.unwrap().unwrap()
}

fn digest(rows: &RecordBatch) -> Digest {
    let mut digester = Digester::new(&rows.schema()).unwrap();
    digester.add(rows).unwrap();
    digester.digest()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_changes_tells_that_nothing_was_written() {
    let server = Mortal::with("mariadb", "--log-bin=changes --server-id=7".into());
    let (url, _) = server.up();
    let (base, _) = url.rsplit_once('/').unwrap();
    let toml = format!("type = \"mysql\"\nurl = \"{base}/logged\"");
    let mut place = Place::over(open(&toml, std::path::Path::new("/")), &format!("{base}/mysql")).await;
    place.run("create database logged; use logged").await;
    place.run("create table words (id bigint, word longtext); insert into words values (1, 'a')").await;
    place.run("create table other (id int)").await;
    let first = version(&place, None).await;
    let again = version(&place, Some(&first)).await;
    assert_eq!((again.value(), again.content.reads), (first.value(), None));
    place.run("insert into other values (1)").await;
    let second = version(&place, Some(&again)).await;
    assert_eq!((second.value(), second.content.reads), (first.value(), Some(Reads::AnyWrite)));
    let third = version(&place, Some(&second)).await;
    assert_eq!((third.value(), third.content.reads), (first.value(), None), "it is known again");
    for round in 0..50 {
        let before = version(&place, None).await;
        place.run(&format!("insert into words values ({round}, 'more')")).await;
        assert_ne!(version(&place, Some(&before)).await.value(), before.value(), "round {round}");
    }
    let before = version(&place, None).await;
    place.run("rename table words to w; create table words (id bigint, word longtext)").await;
    assert_ne!(version(&place, Some(&before)).await.value(), before.value());

    // Which databases the log leaves out is only told to who may look into it.
    place.run("create user reader identified by 'secret'; grant select on logged.* to reader").await;
    let at = base.rsplit_once('@').unwrap().1;
    let toml = format!("type = \"mysql\"\nurl = \"mysql://reader:secret@{at}/logged\"");
    let reader = Place::over(open(&toml, std::path::Path::new("/")), &format!("{base}/logged")).await;
    let first = version(&reader, None).await;
    assert_eq!(version(&reader, Some(&first)).await.content.reads, Some(Reads::NoLog));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_leaves_databases_out_tells_nothing() {
    let server = Mortal::with("mariadb", "--log-bin=changes --server-id=7 --binlog-ignore-db=quiet".into());
    let (url, _) = server.up();
    let (base, _) = url.rsplit_once('/').unwrap();
    let toml = format!("type = \"mysql\"\nurl = \"{base}/quiet\"");
    let mut place = Place::over(open(&toml, std::path::Path::new("/")), &format!("{base}/mysql")).await;
    place.run("create database quiet; use quiet; create table words (id bigint, word longtext)").await;
    let first = version(&place, None).await;
    assert_eq!(version(&place, Some(&first)).await.content.reads, Some(Reads::NoLog));
    place.run("insert into words values (1, 'a')").await;
    assert_ne!(version(&place, Some(&first)).await.value(), first.value());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_adds_to_the_version() {
    let mut place = Place::new().await;
    let made = target("words", &pairs_definition(), Mode::Replace);
    place.publish(made, pairs(&[(1, "a")])).await.unwrap();
    let added = async |place: &Place, rows: RecordBatch| {
        let publisher = place.staged(appended("words"), rows.clone(), None).await.unwrap();
        let added = publisher.server_digest().unwrap().added(&"words".into(), digest(&rows)).await.unwrap();
        publisher.commit(Commit::default()).await.unwrap();
        added
    };
    let before = version(&place, None).await;
    let rows = added(&place, pairs(&[(2, "b")])).await.unwrap();
    let told = place.connection.version_after_append(&before, &TableRequest::all("words"), &rows).unwrap();
    assert_eq!(told.value(), version(&place, None).await.value(), "it is the digest of all rows");
    for sql in [
        "create trigger shout before insert on words for each row set new.word = upper(new.word)",
        "drop trigger shout; alter table words modify word char(3)",
        "alter table words modify word longtext, add column more int default 1",
    ] {
        place.run(sql).await;
        assert!(added(&place, pairs(&[(3, "c")])).await.is_none(), "{sql}");
    }
}
