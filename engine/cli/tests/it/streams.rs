//! Streams from Kafka into PostgreSQL and MySQL, on real servers.

mod alone;
mod avro;
mod chaos;
mod letters;
mod outage;
mod place;
#[expect(dead_code, reason = "the tests of the connector use the rest")]
#[path = "../../../connect/tests/it/kafka/registry.rs"]
mod registry;
mod watched;

use place::{Place, Sink, event};

#[test]
fn a_stream_goes_to_the_end_and_the_last_event_of_a_key_wins() {
    to_the_end(&Place::new(3), "true");
}

#[test]
fn a_stream_into_mysql_goes_to_the_end_and_the_last_event_of_a_key_wins() {
    to_the_end(&Place::into(Sink::MySql, 3), "1");
}

fn to_the_end(place: &Place, yes: &str) {
    place.send(&[event("a@x", 1), event("b@x", 2), event(" A@X ", 3)]);
    place.test.run(&["run"]).code(0).says("Streamed users").says("3 events, 3 rows");
    assert_eq!(place.rows("email, n"), "a@x 3, b@x 2");
    place.test.run(&["run"]).code(0).says("no new events");
    place.send(&[event("c@x", 4), event("b@x", 5)]);
    place.test.run(&["run"]).code(0).says("2 events");
    assert_eq!(place.rows("user_id < 100, email, n"), format!("{yes} a@x 3, {yes} b@x 5, {yes} c@x 4"));
    let keys = place.rows("user_id, email");
    place.test.run(&["run", "users", "--full-refresh"]).code(0).says("5 events");
    assert_eq!(place.rows("user_id, email"), keys, "keys that the target made stay");
}

#[test]
fn a_stream_begins_where_it_is_told_to() {
    let place = Place::new(1);
    let events: Vec<String> = (0..6).map(|n| event(&format!("{n}@x"), n)).collect();
    place.send(&events);
    place.test.run(&["run", "users", "--from", "latest"]).code(0).says("0 events");
    place.test.run(&["run"]).code(0).says("no new events");
    place.test.run(&["run", "users", "--from", "4"]).code(0).says("2 events");
    place.test.run(&["run", "users", "--from", "earliest"]).code(0).says("6 events");
    place.test.run(&["run", "users", "--from", "2100-01-01"]).code(0).says("0 events");
    assert_eq!(place.rows("n"), "0, 1, 2, 3, 4, 5");
    place.test.run(&["run", "users", "--from", "sometime"]).code(2).says("a time such as 2026-01-31T08:00:00Z");
    place.test.run(&["run", "--from", "earliest"]).code(2).says("`--from` moves the streams that are named");
}

#[test]
fn a_gap_stops_the_stream_and_says_the_ways_out() {
    let place = Place::new(1);
    place.send(&[event("a@x", 1), event("b@x", 2), event("c@x", 3)]);
    place.test.run(&["run"]).code(0);
    place.send(&[event("d@x", 4), event("e@x", 5)]);
    place.forget(4);
    place.test.run(&["doctor"]).code(1).says("Failed users").says("are gone");
    let stopped = place.test.run(&["run"]).code(1);
    stopped.says("error[E0520]").says("from offset 3 to 3 are gone").says("--from earliest");
    assert_eq!(place.rows("n"), "1, 2, 3");
    place.test.run(&["run", "users", "--from", "earliest"]).code(0).says("1 event");
    assert_eq!(place.rows("n"), "1, 2, 3, 5");
    place.test.run(&["explain", "E0520"]).code(0).prints("--from latest");
}

#[test]
fn what_is_left_to_read_is_said_by_plan_and_doctor_and_the_record() {
    let place = Place::new(2);
    place.send(&[event("a@x", 1)]);
    place.test.run(&["run"]).code(0);
    place.send(&[event("b@x", 2), event("c@x", 3)]);
    place.test.run(&["plan"]).code(0).prints("2 events of events.users are not read yet");
    place.test.run(&["doctor"]).code(0).says("users").says("2 events behind");
    let results = place.test.run(&["run", "--output", "json"]).code(0).stdout;
    assert!(results.contains("\"lag\":{\"0\":0,\"1\":0}"), "{results}");
    place.test.run(&["doctor"]).code(0).says("0 events behind");
    let events = place.test.read(".engine/artifacts/events.jsonl");
    assert!(events.contains("\"event\":\"lag\""), "{events}");
}

#[test]
fn batches_are_as_small_as_their_limit_and_committed_together_when_behind() {
    let place = Place::new(1);
    place.batches_of(3);
    let events: Vec<String> = (100..140).map(|n| event(&format!("{}@x", n % 7), n)).collect();
    place.send(&events);
    place.test.run(&["run"]).code(0).says("40 events, 40 rows");
    assert_eq!(place.rows("n"), "133, 134, 135, 136, 137, 138, 139", "the last of each key, in whichever batch");
    // There are fourteen. The first makes the table; the others are staged while the one before them is committed.
    let commits = place.ask("select concat(count(*) < 14, ' ', max(rows) > 3) from {}.engine_publications");
    assert_eq!(commits, "t t");
}

#[test]
fn a_model_writes_to_a_topic_keyed_by_its_key() {
    let place = Place::new(1);
    place.send(&[event("a@x", 1), event("b@x", 2)]);
    place.test.run(&["run"]).code(0);
    let sources = place.test.read("project/sources.toml");
    place.test.write("project/sources.toml", &format!("{sources}\n[sinks.topics]\nconnection = \"events\"\n"));
    let model = "{{ config(materialized = \"incremental\", sink = \"topics\", key = [\"email\"], strategy = \"append\") }}\n\
                 select email, n + 10 as n from {{ ref(\"users\") }}";
    place.test.write("project/models/told.sql", model);
    place.test.run(&["run"]).code(0).says("Succeeded told").says("2 rows");
    assert_eq!(place.messages("told"), ["a@x {\"email\":\"a@x\",\"n\":11}", "b@x {\"email\":\"b@x\",\"n\":12}"]);
}
