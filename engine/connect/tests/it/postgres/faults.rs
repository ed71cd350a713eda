//! What becomes of publications whose connections are cut, whose sessions are killed, and whose locks others hold.

use super::{Place, url};
use crate::{
    contract::subject::{appended, keyed_definition, pairs, target},
    proxy::{Cut, Proxy},
};
use datafusion::arrow::array::RecordBatch;
use engine_connect::hub::{
    error::{Blame, Retry},
    position::Position,
    publication::{Advance, Commit, Mode, PublishRequest, Target, Writers},
};
use serde_json::json;
use std::time::{Duration, Instant};

pub fn moved(to: i64) -> Commit {
    let advance = Advance { from: None, to: Position(json!({ "next": to })) };
    Commit { advance: Some(advance), ..Commit::default() }
}

pub fn replaced() -> Target {
    target("words", &keyed_definition(), Mode::Replace)
}

fn merged() -> Target {
    target("words", &keyed_definition(), Mode::Merge { key: vec!["id".into()] })
}

/// Statements at which an answer can be lost: what says them, and how the rows come.
const STATEMENTS: &[(&str, bool)] = &[
    ("insert into", true),
    ("insert into", false),
    ("lock table", true),
    (" rename to ", true),
    ("drop table", false),
    ("commit", true),
    ("commit", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for() {
    let proxy = Proxy::before(&url()).await;
    for (statement, whole) in STATEMENTS {
        for cut in [Cut::Before, Cut::After] {
            let place = Place::set(&format!("port = {}", proxy.port), "").await;
            place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
            let change = if *whole { replaced() } else { appended("words") };
            let publisher = place.staged(change, pairs(&[(2, "new")]), Some("p")).await.unwrap();
            publisher.preview(&"words".into()).await.unwrap();
            proxy.arm(statement, cut);
            let committed = publisher.commit(moved(7)).await;
            assert!(!proxy.is_armed(), "{statement} was never said");
            let done = *statement == "commit" && cut == Cut::After;
            match &committed {
                Ok(written) => assert_eq!((written[0].rows, done), (1, true), "{statement} {cut:?}"),
                Err(error) => {
                    assert!(!done, "{statement} {cut:?}: {error}");
                    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
                }
            }
            let new = if *whole { "new" } else { "old new" };
            for _ in 0..2 {
                assert_eq!(place.words().await, if done { new } else { "old" }, "{statement} {cut:?}");
                let stands = place.connection.position(&"p".into()).await.unwrap();
                assert_eq!(stands, done.then(|| Position(json!({ "next": 7 }))), "{statement} {cut:?}");
                place.recover().await;
            }
            let markers = "select count(*) || ' ' || count(distinct publication) from engine_publications";
            assert_eq!(place.value(markers).await, if done { "2 2" } else { "1 1" }, "{statement} {cut:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_not_told_is_ended() {
    let proxy = Proxy::before(&url()).await;
    let place = Place::alone(&format!("port = {}", proxy.port), "").await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    let publisher = place.staged(replaced(), pairs(&[(1, "new")]), Some("p")).await.unwrap();
    publisher.preview(&"words".into()).await.unwrap();
    proxy.arm("commit", Cut::Silent);
    let error = publisher.commit(moved(7)).await.unwrap_err();
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert_eq!(place.words().await, "old");
    place.no_sessions().await;
    place.publish(replaced(), pairs(&[(1, "again")])).await.unwrap();
    place.recover().await;
    assert_eq!(place.words().await, "again");
}

/// Ends all of engine's sessions in the database.
async fn kill_all(place: &Place) {
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
               and application_name = 'engine'";
    place.run(sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_leaves_the_old() {
    let place = Place::alone("", "").await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    for change in [replaced(), appended("words"), merged()] {
        // In staging.
        let publication = PublishRequest { run: "run".into(), tables: vec![change.clone()], pipeline: None };
        let publisher = place.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(2, "new")])).await.unwrap();
        kill_all(&place).await;
        let error = writer.finish().await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        let error = publisher.commit(Commit::default()).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        // Before publishing.
        let publisher = place.staged(change, pairs(&[(2, "new")]), None).await.unwrap();
        publisher.preview(&"words".into()).await.unwrap();
        kill_all(&place).await;
        let error = publisher.commit(Commit::default()).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        assert!(error.hint.unwrap().contains("the session was ended there"));
        place.recover().await;
        assert_eq!(place.words().await, "old");
        place.no_sessions().await;
    }
}

/// Longer than any lock of our own is waited for in haste.
const LONG: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_waited_for() {
    let rows = |id| pairs(&[(id, "new"), (id + 1, "new")]);
    let wait = |lock: &'static str, change: Target, rows: RecordBatch, expected: &'static str| async move {
        let place = Place::with("").await;
        place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
        let mut other = place.session().await;
        super::run(&mut other, &format!("begin; {lock}")).await;
        let publishing = {
            let place = place.again("");
            tokio::spawn(async move { place.publish(change, rows).await })
        };
        let began = Instant::now();
        while began.elapsed() < LONG {
            // Others go on reading meanwhile.
            assert_eq!(place.words().await, "old", "{lock}");
            assert!(!publishing.is_finished(), "{lock}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        super::run(&mut other, "rollback").await;
        publishing.await.unwrap().unwrap();
        assert_eq!(place.words().await, expected, "{lock}");
        place.recover().await;
    };
    tokio::join!(
        wait("select from words", replaced(), rows(1), "new new"),
        wait("select from words for update", merged(), rows(1), "new new"),
        wait("lock table words in share mode", appended("words"), rows(2), "old new new"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_table_leave_one_of_them() {
    let place = Place::with("").await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    place.run("grant select on words to pg_monitor; create index by_word on words (word desc, id)").await;
    let mut runs = vec![];
    for word in ["a", "b", "c", "d"] {
        let place = place.again("");
        runs.push(tokio::spawn(async move {
            for _ in 0..5 {
                place.publish(replaced(), pairs(&[(1, word), (2, word)])).await.unwrap();
            }
        }));
    }
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!(place.value("select count(*) || ' ' || count(distinct word) from words").await, "2 1");
    assert_eq!(place.value("select count(distinct publication) from engine_publications").await, "21");
    place.recover().await;
    // What others gave the table stays, whoever replaces it.
    assert_eq!(place.value("select has_table_privilege('pg_monitor', 'words', 'select')").await, "true");
    let indexes = "select count(*) from pg_indexes where tablename = 'words' and schemaname = current_schema()";
    assert_eq!(place.value(indexes).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_that_add_lose_no_row() {
    let place = Place::with("").await;
    let mut runs = vec![];
    for word in ["a", "b", "c", "d"] {
        let place = place.again("");
        runs.push(tokio::spawn(async move {
            for round in 0..5 {
                place.publish(appended("words"), pairs(&[(round, word)])).await.unwrap();
            }
        }));
    }
    for run in runs {
        run.await.unwrap();
    }
    let each =
        "select string_agg(word || n, ' ' order by word) from (select word, count(*) n from words group by word) w";
    assert_eq!(place.value(each).await, "a5 b5 c5 d5");
    place.recover().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipeline_of_another_is_left_alone() {
    let place = Place::with("").await;
    // Both begin before either has made the table.
    let first = place.staged(appended("words"), pairs(&[(1, "a")]), Some("p")).await.unwrap();
    let second = place.staged(appended("words"), pairs(&[(1, "a")]), Some("p")).await.unwrap();
    first.commit(moved(5)).await.unwrap();
    let error = second.commit(moved(5)).await.unwrap_err();
    assert_eq!(error.blame, Blame::Rival, "{error}");
    assert_eq!(place.words().await, "a");
    place.recover().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_a_lock_is_waited_for_is_not_lost() {
    for change in
        ["create index by_word on words (word)", "drop table words; create table words (id bigint, word text)"]
    {
        let place = Place::with("").await;
        place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
        let mut other = place.session().await;
        super::run(&mut other, "begin; select from words").await;
        let publishing = {
            let place = place.again("");
            tokio::spawn(async move { place.publish(replaced(), pairs(&[(1, "new")])).await })
        };
        let waits = "select count(*) from pg_stat_activity where application_name = 'engine' and query like 'lock table%words%' \
                     and query like '%' || current_schema() || '%'";
        while place.value(waits).await == "0" {
            assert!(!publishing.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        super::run(&mut other, &format!("{change}; insert into words values (5, 'theirs'); commit")).await;
        let error = publishing.await.unwrap().unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        assert!(error.to_string().contains("another program has replaced `words` or its indexes"), "{error}");
        assert!(place.words().await.ends_with("theirs"));
        place.publish(replaced(), pairs(&[(1, "new")])).await.unwrap();
        assert_eq!(place.words().await, "new");
        let indexes = "select count(*) from pg_indexes where tablename = 'words' and schemaname = current_schema()";
        assert_eq!(place.value(indexes).await, if change.starts_with("create") { "2" } else { "1" });
        place.recover().await;
    }
}
