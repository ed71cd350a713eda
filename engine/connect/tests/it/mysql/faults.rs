//! What becomes of publications whose connections are cut, whose sessions are killed, and whose locks others hold.

use super::Place;
use crate::{
    contract::subject::{appended, keyed_definition, pairs, target},
    mortal::Mortal,
    proxy::{Cut, Proxy},
};
use engine_connect::hub::{
    error::{Blame, Retry},
    position::Position,
    publication::{Advance, Commit, Mode, Writers},
};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};

fn moved(to: i64) -> Commit {
    let advance = Advance { from: None, to: Position(json!({ "next": to })) };
    Commit { advance: Some(advance), ..Commit::default() }
}

pub fn replaced() -> engine_connect::hub::publication::Target {
    target("words", &keyed_definition(), Mode::Replace)
}

/// Each statement at which an answer can be lost: how the rows come, and whether the step is done when the server has heard it.
const STATEMENTS: &[(&str, bool, bool)] = &[
    ("rename table", true, true),
    ("for update", true, true),
    // With the byte before it that begins a query: each session is told of `autocommit`.
    ("\u{3}commit", false, true),
    ("insert into engine_publications", true, false),
    ("insert into engine_publications", false, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for() {
    let proxy = Proxy::before(&super::url()).await;
    for (statement, whole, step) in STATEMENTS {
        for cut in [Cut::Before, Cut::After] {
            let mut place = Place::with(&format!("port = {}", proxy.port)).await;
            place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
            let change = if *whole { replaced() } else { appended("words") };
            let publisher = place.staged(change, pairs(&[(2, "new")]), Some("p")).await.unwrap();
            publisher.preview(&"words".into()).await.unwrap();
            proxy.arm(statement, cut);
            let committed = publisher.commit(moved(7)).await;
            assert!(!proxy.is_armed(), "{statement} was never said");
            // What follows the renaming is carried out later, if it must be.
            let done = *step && (cut == Cut::After || *statement == "for update");
            match &committed {
                Ok(written) => assert_eq!((written[0].rows, done), (1, true), "{statement} {cut:?}"),
                Err(error) => {
                    assert!(!done, "{statement} {cut:?}: {error}");
                    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
                }
            }
            let new = if *whole { "2" } else { "1,2" };
            let expected = if done { new } else { "1" };
            assert_eq!(
                place.one("select group_concat(id order by id) from words").await,
                expected,
                "{statement} {cut:?}"
            );
            let stands = place.connection.position(&"p".into()).await.unwrap();
            assert_eq!(stands, done.then(|| Position(json!({ "next": 7 }))), "{statement} {cut:?}");
            place.recover().await;
            assert_eq!(
                place.one("select group_concat(id order by id) from words").await,
                expected,
                "{statement} {cut:?}"
            );
            let open = "select count(*) from engine_publications where state <> 'done'";
            assert_eq!(place.one(open).await, "0", "{statement} {cut:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_leaves_the_old() {
    let mut place = Place::new().await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    for change in [replaced(), appended("words")] {
        // In staging.
        let publication = engine_connect::hub::publication::PublishRequest {
            run: "run".into(),
            tables: vec![change.clone()],
            pipeline: None,
        };
        let publisher = place.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(2, "new")])).await.unwrap();
        kill_all(&mut place).await;
        let error = writer.finish().await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        drop(publisher);
        // Before publishing.
        let publisher = place.staged(change, pairs(&[(2, "new")]), None).await.unwrap();
        publisher.preview(&"words".into()).await.unwrap();
        kill_all(&mut place).await;
        let error = publisher.commit(Commit::default()).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        place.recover().await;
        assert_eq!(place.rows("words").await, ["1 old"]);
    }
}

/// Ends all sessions in the database but the test's own.
async fn kill_all(place: &mut Place) {
    let sql = "select coalesce(group_concat(id), '') from information_schema.processlist \
               where db = database() and id <> connection_id()";
    for id in place.one(sql).await.split(',').filter(|id| !id.is_empty()) {
        let killed = sqlx::raw_sql(AssertSqlSafe(format!("kill {id}"))).execute(&mut place.on).await;
        // One that has just ended by itself is gone as well.
        let gone = |error: &sqlx::Error| error.to_string().contains("Unknown thread id");
        assert!(killed.as_ref().err().is_none_or(gone), "{killed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for() {
    let mut place = Place::new().await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    for (lock, change, expected) in [
        ("begin; select * from words", replaced(), "2"),
        ("begin; select * from words for update", target("words", &keyed_definition(), merged()), "1,2"),
    ] {
        let mut other = Place::at(place.database.clone(), "").await;
        other.run(lock).await;
        let publishing = {
            let place = Place::at(place.database.clone(), "").await;
            tokio::spawn(async move { place.publish(change, pairs(&[(1, "new"), (2, "new")])).await })
        };
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!publishing.is_finished());
        // Others go on reading meanwhile.
        let began = Instant::now();
        assert_eq!(place.one("select word from words where id = 1").await, "old");
        assert!(began.elapsed() < Duration::from_secs(3));
        other.run("rollback").await;
        publishing.await.unwrap().unwrap();
        assert!(place.one("select group_concat(id order by id) from words").await.ends_with(expected));
        place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    }
}

fn merged() -> Mode {
    Mode::Merge { key: vec!["id".into()] }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_table_leave_one_of_them() {
    let mut place = Place::new().await;
    let mut runs = vec![];
    for word in ["a", "b", "c", "d"] {
        let place = Place::at(place.database.clone(), "").await;
        runs.push(tokio::spawn(async move {
            for _ in 0..5 {
                place.publish(replaced(), pairs(&[(1, word), (2, word)])).await.unwrap();
            }
            place.connection.writable().unwrap().finish_background().await;
        }));
    }
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!(place.one("select concat(count(*), count(distinct word)) from words").await, "21");
    assert_eq!(place.one("select count(*) from engine_publications where state = 'done'").await, "20");
    assert_eq!(place.staging().await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipeline_of_another_is_left_alone() {
    let mut place = Place::new().await;
    // Both begin before either has made the table.
    let first = place.staged(appended("words"), pairs(&[(1, "a")]), Some("p")).await.unwrap();
    let second = place.staged(appended("words"), pairs(&[(1, "a")]), Some("p")).await.unwrap();
    first.commit(moved(5)).await.unwrap();
    let error = second.commit(moved(5)).await.unwrap_err();
    assert_eq!(error.blame, Blame::Rival, "{error}");
    assert_eq!(place.rows("words").await, ["1 a"]);
    place.recover().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_before_the_commit_has_the_old() {
    let server = Mortal::new("mariadb");
    let (url, _) = server.up();
    let toml = format!("type = \"mysql\"\nurl = \"{url}\"");
    let connection = crate::contract::subject::open(&toml, std::path::Path::new("/"));
    for signal in ["-TERM", "-KILL"] {
        for previewed in [false, true] {
            for change in [replaced(), appended("words")] {
                let place = Place::over(connection.clone(), &url).await;
                place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
                let publisher = place.staged(change, pairs(&[(2, "new")]), Some("p")).await.unwrap();
                if previewed {
                    publisher.preview(&"words".into()).await.unwrap();
                } else {
                    // Rows that nobody will see.
                    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
                    writer.write(pairs(&[(3, "more")])).await.unwrap();
                }
                server.end(signal);
                server.up();
                let error = publisher.commit(moved(7)).await.unwrap_err();
                assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
                let mut place = Place::over(connection.clone(), &url).await;
                assert_eq!(place.rows("words").await, ["1 old"], "{signal} {previewed}");
                assert_eq!(place.connection.position(&"p".into()).await.unwrap(), None);
                place.recover().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_the_old_or_the_new() {
    let server = Mortal::new("mariadb");
    let (mut url, mut pid) = server.up();
    let proxy = Proxy::before(&url).await;
    let toml = format!("type = \"mysql\"\nurl = \"{url}\"\nport = {}", proxy.port);
    let connection = crate::contract::subject::open(&toml, std::path::Path::new("/"));
    for (round, (statement, whole, after_ms)) in
        [("rename table", true, 0), ("rename table", true, 3), ("commit", false, 0), ("commit", false, 3)]
            .into_iter()
            .enumerate()
    {
        let place = Place::over(connection.clone(), &url).await;
        place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
        let pipeline = format!("p{round}");
        let change = if whole { replaced() } else { appended("words") };
        let publisher = place.staged(change, pairs(&[(2, "new")]), Some(&pipeline)).await.unwrap();
        publisher.preview(&"words".into()).await.unwrap();
        proxy.arm(statement, Cut::Kill(pid, after_ms));
        let committing = tokio::spawn(publisher.commit(moved(7)));
        while proxy.is_armed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        (url, pid) = server.up();
        proxy.lead_to(&url).await;
        let done = committing.await.unwrap().is_ok();
        let mut place = Place::over(connection.clone(), &url).await;
        let expected = if !done {
            "1"
        } else if whole {
            "2"
        } else {
            "1,2"
        };
        assert_eq!(
            place.one("select group_concat(id order by id) from words").await,
            expected,
            "{statement} {after_ms}"
        );
        place.recover().await;
        let stands = place.connection.position(&pipeline.as_str().into()).await.unwrap();
        assert_eq!(stands, done.then(|| Position(json!({ "next": 7 }))), "{statement} {after_ms}");
        assert_eq!(
            place.one("select group_concat(id order by id) from words").await,
            expected,
            "{statement} {after_ms}"
        );
        place.run("drop table words").await;
    }
}
