//! engine killed at each step of publishing, under readers: they see the old or the new, and the next run cleans up.

use super::{Place, faults::moved};
use crate::contract::subject::{keyed_definition, pairs, target};
use engine_connect::hub::{
    position::Position,
    publication::{Commit, Mode, Target},
    rejected::RejectedRow,
};
use serde_json::json;
use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The points, and whether it is done.
const POINTS: &[(&str, bool)] =
    &[("postgres::staged", false), ("postgres::publishing", false), ("postgres::published", true)];

const POINT: &str = "ENGINE_TEST_CRASH_AT";
const DATABASE: &str = "ENGINE_TEST_CRASH_IN";

fn change(whole: bool) -> Target {
    let key = vec!["id".to_owned()];
    let mode = if whole { Mode::Replace } else { Mode::Merge { key } };
    target("words", &keyed_definition(), mode)
}

/// What the test below runs in a process of its own; by itself it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_crashes() {
    let (Ok(point), Ok(url)) = (std::env::var(POINT), std::env::var(DATABASE)) else { return };
    let (point, whole) = point.split_once(' ').unwrap();
    fail::cfg_callback(point, || std::process::abort()).unwrap();
    let place = Place::over(&url, "");
    let rows = pairs(&[(1, "new"), (2, "new")]);
    let publisher = place.staged(change(whole == "whole"), rows, Some("p")).await.unwrap();
    publisher.preview(&"words".into()).await.unwrap();
    let letter = RejectedRow { source: "t".into(), partition: 0, offset: 1, payload: vec![0xff], reason: "bad".into() };
    publisher.commit(Commit { rejected: vec![letter], ..moved(2) }).await.unwrap();
    panic!("{point} was not passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    for whole in [true, false] {
        for (point, done) in POINTS {
            let place = Place::alone("", "").await;
            place.publish(change(true), pairs(&[(1, "old"), (2, "old")])).await.unwrap();
            let over = Arc::new(AtomicBool::new(false));
            let mut readers = vec![];
            for _ in 0..8 {
                let (place, over) = (place.again(""), over.clone());
                readers.push(tokio::spawn(async move {
                    let mut on = place.session().await;
                    while !over.load(Ordering::Relaxed) {
                        let sql = "select string_agg(word, ' ' order by id) from words";
                        let seen: String = sqlx::query_scalar(sql).fetch_one(&mut on).await.unwrap();
                        assert!(["old old", "new new"].contains(&seen.as_str()), "{seen}");
                    }
                }));
            }
            let at = format!("{point} {}", if whole { "whole" } else { "rows" });
            let url = place.url.clone();
            let crash = move || {
                let mut crash = Command::new(std::env::current_exe().unwrap());
                crash.args(["--exact", "postgres::crashes::the_process_that_crashes"]);
                crash.env(POINT, at).env(DATABASE, url).stdout(Stdio::piped()).stderr(Stdio::piped());
                crash.output().unwrap()
            };
            let crashed = tokio::task::spawn_blocking(crash).await.unwrap();
            let said = String::from_utf8_lossy(&crashed.stdout).into_owned();
            assert!(!crashed.status.success() && !said.contains("was not passed"), "{point}: {said}");
            place.no_sessions().await;
            over.store(true, Ordering::Relaxed);
            for reader in readers {
                reader.await.unwrap();
            }
            let expected = if *done { "new new" } else { "old old" };
            for _ in 0..2 {
                assert_eq!(place.words().await, expected, "{point}");
                let stands = place.connection.position(&"p".into()).await.unwrap();
                assert_eq!(stands, done.then(|| Position(json!({ "next": 2 }))), "{point}");
                let letters = u8::from(*done).to_string();
                assert_eq!(place.value("select count(*) from engine_dead_letters").await, letters, "{point}");
                // The next run's.
                place.recover().await;
            }
            place.publish(change(true), pairs(&[(1, "again")])).await.unwrap();
            assert_eq!(place.words().await, "again", "{point}");
        }
    }
}
