//! Servers that stop: in staging, at publishing, at COMMIT; orderly, at once, and as if the power had failed.

use super::{
    Place,
    faults::{moved, replaced},
};
use crate::{
    contract::subject::{appended, open, pairs},
    mortal::Mortal,
    proxy::{Cut, Proxy},
};
use engine_connect::hub::{
    error::{Blame, Retry},
    position::Position,
    publication::Writers,
};
use serde_json::json;
use std::{path::Path, time::Duration};

/// A place on a server of its own, that has the old.
async fn place(url: &str) -> Place {
    let place = Place::over(url, "");
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_before_the_commit_has_the_old() {
    let server = Mortal::new("postgres");
    let (url, _) = server.up();
    for signal in ["-INT", "-QUIT"] {
        let place = place(&url).await;
        for previewed in [false, true] {
            for change in [replaced(), appended("words")] {
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
                assert_eq!(place.words().await, "old", "{signal} {previewed}");
                assert_eq!(place.connection.position(&"p".into()).await.unwrap(), None);
                place.recover().await;
                place.no_sessions().await;
            }
        }
    }
}

/// Each step at which the server is killed, how the rows come, and how many milliseconds it has for it.
const KILLS: &[(&str, bool, u64)] = &[
    ("insert into", true, 0),
    (" rename to ", true, 3),
    ("commit", true, 0),
    ("commit", true, 3),
    ("commit", false, 0),
    ("commit", false, 30),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_the_old_or_the_new() {
    let server = Mortal::new("postgres");
    let (url, mut pid) = server.up();
    // What was committed stays, also on a server that tests have made fast.
    let database = url.rsplit_once('/').unwrap().1;
    Place::over(&url, "").run(&format!("alter database {database} set synchronous_commit = on")).await;
    let proxy = Proxy::before(&url).await;
    let toml = format!("type = \"postgres\"\nurl = \"{url}\"\nport = {}", proxy.port);
    let connection = open(&toml, Path::new("/"));
    for (round, (statement, whole, after_ms)) in KILLS.iter().enumerate() {
        let place = Place { connection: connection.clone(), ..place(&url).await };
        let pipeline = format!("p{round}");
        let change = if *whole { replaced() } else { appended("words") };
        let publisher = place.staged(change, pairs(&[(2, "new")]), Some(&pipeline)).await.unwrap();
        publisher.preview(&"words".into()).await.unwrap();
        proxy.arm(statement, Cut::Kill(pid, *after_ms));
        let committing = tokio::spawn(publisher.commit(moved(7)));
        while proxy.is_armed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        pid = server.up().1;
        let committed = committing.await.unwrap();
        let at = format!("{statement} {whole} {after_ms} {committed:?}");
        let expected = match (&committed, *whole) {
            (Err(error), _) => {
                assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{at}");
                "old"
            }
            (Ok(_), true) => "new",
            (Ok(_), false) => "old new",
        };
        assert!(committed.is_err() || *statement == "commit", "{at}");
        for _ in 0..2 {
            assert_eq!(place.words().await, expected, "{at}");
            let stands = place.connection.position(&pipeline.as_str().into()).await.unwrap();
            assert_eq!(stands, committed.is_ok().then(|| Position(json!({ "next": 7 }))), "{at}");
            place.recover().await;
        }
        place.no_sessions().await;
    }
}
