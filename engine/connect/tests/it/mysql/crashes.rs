//! engine killed at each step of publishing, under readers: they see the old or the new, and the next run cleans up.

use super::Place;
use crate::contract::subject::{keyed_definition, pairs, target};
use engine_connect::hub::{
    position::Position,
    publication::{Advance, Commit, Mode},
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

/// The points, whether whole tables change places, and whether it is done.
const POINTS: &[(&str, bool, bool)] = &[
    ("mysql::staged", true, false),
    ("mysql::intended", true, false),
    ("mysql::renamed", true, true),
    ("mysql::staged", false, false),
    ("mysql::publishing", false, false),
    ("mysql::published", false, true),
];

const POINT: &str = "ENGINE_TEST_CRASH_AT";
const DATABASE: &str = "ENGINE_TEST_CRASH_IN";

fn change(whole: bool) -> engine_connect::hub::publication::Target {
    let key = vec!["id".to_owned()];
    let mode = if whole { Mode::Replace } else { Mode::Merge { key } };
    target("words", &keyed_definition(), mode)
}

/// What the tests below run in a process of its own; by itself it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_crashes() {
    let (Ok(point), Ok(database)) = (std::env::var(POINT), std::env::var(DATABASE)) else { return };
    let (point, whole) = point.split_once(' ').unwrap();
    fail::cfg_callback(point, || std::process::abort()).unwrap();
    let place = Place::at(database, "").await;
    let rows = pairs(&[(1, "new"), (2, "new")]);
    let publisher = place.staged(change(whole == "whole"), rows, Some("p")).await.unwrap();
    let letter = RejectedRow { source: "t".into(), partition: 0, offset: 1, payload: vec![0xff], reason: "bad".into() };
    let advance = Advance { from: None, to: Position(json!(2)) };
    let commit = Commit { advance: Some(advance), rejected: vec![letter], ..Commit::default() };
    publisher.commit(commit).await.unwrap();
    panic!("{point} was not passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    for (point, whole, done) in POINTS {
        let mut place = Place::new().await;
        place.publish(change(true), pairs(&[(1, "old"), (2, "old")])).await.unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let mut readers = vec![];
        for _ in 0..8 {
            let (mut place, over) = (Place::at(place.database.clone(), "").await, over.clone());
            readers.push(tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let seen = place.one("select group_concat(word order by id) from words").await;
                    assert!(["old,old", "new,new"].contains(&seen.as_str()), "{seen}");
                }
            }));
        }
        let at = format!("{point} {}", if *whole { "whole" } else { "rows" });
        let database = place.database.clone();
        let crash = move || {
            let mut crash = Command::new(std::env::current_exe().unwrap());
            crash.args(["--exact", "mysql::crashes::the_process_that_crashes"]);
            crash.env(POINT, at).env(DATABASE, database).stdout(Stdio::piped()).stderr(Stdio::piped());
            crash.output().unwrap()
        };
        let crashed = tokio::task::spawn_blocking(crash).await.unwrap();
        let said = String::from_utf8_lossy(&crashed.stdout).into_owned();
        assert!(!crashed.status.success() && !said.contains("was not passed"), "{point}: {said}");
        over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.await.unwrap();
        }
        let word = if *done { "new" } else { "old" };
        assert_eq!(place.rows("words").await, [format!("1 {word}"), format!("2 {word}")], "{point}");
        // The next run asks for the position first, as soon as the server has noticed.
        place.recover().await;
        let stands = place.connection.position(&"p".into()).await.unwrap();
        assert_eq!(stands, done.then(|| Position(json!(2))), "{point}");
        let letters = u8::from(*done).to_string();
        assert_eq!(place.one("select count(*) from engine_dead_letters").await, letters, "{point}");
        assert_eq!(place.rows("words").await, [format!("1 {word}"), format!("2 {word}")], "{point}");
        let open = "select count(*) from engine_publications where state <> 'done'";
        assert_eq!(place.one(open).await, "0", "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_not_read_before_its_publication_is_settled() {
    let mut place = Place::new().await;
    let at = "mysql::renamed whole".to_owned();
    let database = place.database.clone();
    let crash = move || {
        let mut crash = Command::new(std::env::current_exe().unwrap());
        crash.args(["--exact", "mysql::crashes::the_process_that_crashes"]);
        crash.env(POINT, at).env(DATABASE, database).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    };
    assert!(!tokio::task::spawn_blocking(crash).await.unwrap().success());
    assert_eq!(place.connection.position(&"p".into()).await.unwrap(), Some(Position(json!(2))));
    assert_eq!(place.one("select count(*) from engine_dead_letters").await, "1");
    place.recover().await;
}
