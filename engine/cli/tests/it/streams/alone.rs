//! A stream that goes on by itself, and one that is not alone.

use super::place::{Place, event};
use crate::builder::Done;
use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Waits until something is found.
pub fn wait_for(what: &str, found: impl Fn() -> bool) {
    let began = Instant::now();
    while !found() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        sleep(Duration::from_millis(50));
    }
}

/// Starts a stream that goes on.
pub fn start(test: &crate::builder::Test) -> Child {
    test.command(&["run", "users", "--forever"]).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_stream_that_goes_on_takes_what_comes_until_it_is_stopped() {
    let place = Place::new(2);
    let stream = start(&place.test);
    for n in 0..5 {
        place.send(&[event(&format!("{n}@x"), n)]);
        wait_for("an event comes through", || place.rows("n").ends_with(&n.to_string()));
    }
    let id = stream.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    Done::of(stream.wait_with_output().unwrap()).code(130);
    assert_eq!(place.rows("n"), "0, 1, 2, 3, 4");
}

#[test]
fn of_two_that_stream_the_same_one_is_refused_and_each_event_comes_once() {
    let place = Place::new(1);
    place.send(&[event("a@x", 0)]);
    place.test.run(&["run"]).code(0);
    let other = Place::project(&place.schema);
    let (first, second) = (start(&place.test), start(&other));
    let mut both = [Some(first), Some(second)];
    for n in 1..500 {
        place.send(&[event(&format!("{n}@x"), n)]);
        if both.iter_mut().flatten().any(|child| child.try_wait().unwrap().is_some()) {
            break;
        }
    }
    let ended = |child: &mut Child| child.try_wait().unwrap().is_some();
    let lost = both.iter_mut().position(|child| child.as_mut().is_some_and(ended)).expect("one of them is refused");
    let lost = Done::of(both[lost].take().unwrap().wait_with_output().unwrap());
    lost.code(1).says("error[E0512]").says("another run has moved `users` on meanwhile; nothing was written");
    let mut left = both.into_iter().flatten().next().unwrap();
    assert!(left.try_wait().unwrap().is_none(), "the other goes on");
    left.kill().unwrap();
    left.wait().unwrap();
    place.test.run(&["run"]).code(0);
    let sent: i64 = place.ask("select count(*)::text from {}.users").parse().unwrap();
    let read = place.ask("select max(n)::text from {}.users").parse::<i64>().unwrap();
    assert_eq!(sent, read + 1 - i64::from(read > 12), "0 was there, and 13 is refused");
}

#[test]
fn going_on_is_for_streams_and_what_stands_after_one_is_never_reached() {
    let place = Place::new(1);
    place.test.write("project/models/after.sql", "select count(*) as n from {{ ref(\"users\") }}");
    let refused = place.test.run(&["run", "--forever"]).code(2).says("would never come to `after`");
    refused.says("engine run users --forever");
    place.test.run(&["run", "after", "--forever"]).code(2).says("`--forever` is for streams");
}

#[test]
fn a_topic_that_is_made_later_is_followed_from_its_first_message() {
    let place = Place::new(1);
    place.test.write(
        "project/sources.toml",
        &place
            .test
            .read("project/sources.toml")
            .replace(".tables.users]\n", ".tables.users]\nidentifier = \"later\"\n"),
    );
    place.test.run(&["run"]).code(1).says("there is no topic").says("`optional = true`");
    let sources = place.test.read("project/sources.toml");
    place.test.write("project/sources.toml", &sources.replace("\"later\"\n", "\"later\"\noptional = true\n"));
    place.test.run(&["run"]).code(0).says("no new events").says("it is not there, and read as empty");
    let generators = "[ups]\ninto = \"events.users\"\nrows = 5\nfaults = {}\n[ups.columns]\n\
                      email = { fake = \"email\", unique = true }\nn = { type = \"bigint\", value = 7 }\nstatus = { value = \"Gold\" }\n";
    place.test.write("project/generators.toml", generators);
    place.test.run(&["run"]).code(0).says("Generated ups").says("5 events, 5 rows");
    assert_eq!(place.messages("later").len(), 5);
}
