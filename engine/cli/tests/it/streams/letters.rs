//! What a stream cannot take: each once in the dead letters, and the rest goes on.

use super::place::{Place, Sink, event};

/// A project whose topic has forty events, of which four are bad; what is said of the first two of them is answered.
fn four_of_forty(place: &Place) -> Vec<String> {
    let mut events: Vec<String> = (0..40).map(|n| event(&format!("{n:02}@x"), n)).collect();
    events[7] = "{\"email\":\"bad@x\",\"n\":1,\"status\":\"Platinum\"}".into();
    events[30] = "{\"email\":\"x\"".into();
    events[31] = "{\"n\":1}".into();
    place.send(&events);
    place.test.run(&["run"]).code(0).says("40 events, 36 rows, 4 rejected");
    let good = (0..40).filter(|n| ![7, 13, 30, 31].contains(n)).map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(place.rows("n"), good.join(", "));
    assert_eq!(place.letters("\"offset\""), ["7", "13", "30", "31"]);
    let mut reasons = place.letters("reason");
    assert!(reasons[2].starts_with("not one JSON object"), "{}", reasons[2]);
    assert_eq!(reasons[3], "`email`: there is no value, and it is required");
    let utf8 =
        if place.sink == Sink::MySql { "convert(payload using utf8mb4)" } else { "convert_from(payload, 'UTF8')" };
    assert_eq!(place.letters(utf8)[0], events[7], "the bytes as they came");
    assert_eq!(place.letters("pipeline || ' ' || source || ' ' || \"partition\"")[0], "users users 0");
    // Read again, each is there once.
    place.test.run(&["run", "users", "--from", "earliest"]).code(0);
    assert_eq!(place.letters("\"offset\""), ["7", "13", "30", "31"]);
    reasons.truncate(2);
    reasons
}

#[test]
fn what_the_target_refuses_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let reasons = four_of_forty(&Place::new(1));
    assert!(reasons[0].contains("violates check constraint `users_status_check`"), "{}", reasons[0]);
    assert!(reasons[1].contains("violates check constraint `users_n_check`"), "{}", reasons[1]);
}

#[test]
fn what_is_refused_of_batches_that_are_committed_together_is_the_same() {
    let place = Place::new(1);
    place.batches_of(3);
    four_of_forty(&place);
}

#[test]
fn what_mysql_refuses_goes_to_the_dead_letters_and_the_rest_goes_on() {
    let place = Place::into(Sink::MySql, 1);
    let reasons = four_of_forty(&place);
    assert!(reasons[0].contains("`users.status` failed for"), "{}", reasons[0]);
    assert!(reasons[1].contains("`users.n` failed for"), "{}", reasons[1]);
    assert_eq!(place.ask("select cast(count(distinct run) as char) from {}.engine_publications"), "2", "one a run");
    assert_eq!(place.ask("select cast(count(*) as char) from {}.engine_publications"), "2");
}

#[test]
fn an_event_that_mysql_refuses_is_so_even_if_a_later_one_takes_its_place() {
    let place = Place::into(Sink::MySql, 1);
    place.ask("alter table {}.users modify n bigint not null check (n <> 13); select ''");
    let without = "{\"email\":\"b@x\",\"status\":\"Gold\"}".to_owned();
    place.send(&[event("a@x", 13), event("a@x", 1), without, event("b@x", 2)]);
    place.test.run(&["run"]).code(0).says("4 events, 2 rows, 2 rejected");
    assert_eq!(place.rows("email, n"), "a@x 1, b@x 2");
    let reasons = place.letters("reason");
    assert!(reasons[0].contains("`users.n` failed for"), "{reasons:?}");
    assert!(reasons[1].contains("Column 'n' cannot be null"), "{reasons:?}");
}

#[test]
fn an_event_that_is_refused_is_so_even_if_a_later_one_takes_its_place() {
    let place = Place::new(1);
    place.ask("alter table {}.users alter n set not null; select ''");
    let without = "{\"email\":\"b@x\",\"status\":\"Gold\"}".to_owned();
    place.send(&[event("a@x", 13), event("a@x", 1), without, event("b@x", 2)]);
    place.test.run(&["run"]).code(0).says("4 events, 2 rows, 2 rejected");
    assert_eq!(place.rows("email, n"), "a@x 1, b@x 2");
    let reasons = place.letters("reason");
    assert!(
        reasons[0].contains("new row for relation `users` violates check constraint `users_n_check`"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("null value in column `n` of relation `users`"), "{reasons:?}");
}

#[test]
fn rows_that_only_together_break_a_rule_lose_the_later_one_in_one_commit() {
    for sink in [Sink::Postgres, Sink::MySql] {
        let place = Place::into(sink, 1);
        place.ask("create unique index only_one on {}.users (n); select ''");
        let mut events: Vec<String> = (0..60).map(|n| event(&format!("{n:02}@x"), 100 + n)).collect();
        events[20] = event("20@x", 110);
        events[41] = event("41@x", 101);
        place.send(&events);
        place.test.run(&["run"]).code(0).says("60 events, 58 rows, 2 rejected");
        assert_eq!(place.ask("select cast(count(*) as char(2)) from {}.users").trim(), "58");
        assert_eq!(place.letters("\"offset\""), ["20", "41"]);
        assert_eq!(place.ask("select cast(count(*) as char(2)) from {}.engine_publications").trim(), "1", "{sink:?}");
        place.test.run(&["run"]).code(0).says("no new events");
    }
}

#[test]
fn rows_of_batches_committed_together_that_break_a_rule_are_found() {
    let place = Place::new(1);
    place.batches_of(4);
    place.ask("create unique index only_one on {}.users (n); select ''");
    let mut events: Vec<String> = (0..90).map(|n| event(&format!("{n:02}@x"), 100 + n)).collect();
    events[20] = event("20@x", 110);
    events[41] = event("41@x", 101);
    events[70] = event("70@x", 13);
    events[71] = "{\"email\":\"x\"".into();
    place.send(&events);
    place.test.run(&["run"]).code(0).says("90 events, 86 rows, 4 rejected");
    assert_eq!(place.ask("select count(*)::text from {}.users"), "86");
    assert_eq!(place.letters("\"offset\""), ["20", "41", "70", "71"]);
    place.test.run(&["run"]).code(0).says("no new events");
}

#[test]
fn a_table_that_is_missing_is_made_also_where_rows_are_refused() {
    for sink in [Sink::Postgres, Sink::MySql] {
        let place = Place::into(sink, 1);
        place.ask("drop table {}.users; select ''");
        place.test.write(
            "project/models/users.sql",
            "{{ config(materialized = \"stream\", key = [\"email\"]) }}\n\
             select email, 100 / n as n from {{ source(\"events\", \"users\") }}",
        );
        place.send(&[event("a@x", 1), event("b@x", 0), event("c@x", 5), event("a@x", 2)]);
        place.test.run(&["run"]).code(0).says("1 rejected");
        assert_eq!(place.rows("email, n"), "a@x 50, c@x 20");
        assert_eq!(place.ask("select cast(count(*) as char(2)) from {}.engine_publications").trim(), "1", "{sink:?}");
    }
}

#[test]
fn a_value_that_the_model_cannot_compute_is_its_messages_own() {
    let place = Place::new(1);
    let model = "{{ config(materialized = \"stream\", key = [\"email\"]) }}\n\
                 select email, 100 / n as n, status from {{ source(\"events\", \"users\") }}";
    place.test.write("project/models/users.sql", model);
    place.send(&[event("a@x", 1), event("b@x", 0), event("c@x", 5)]);
    place.test.run(&["run"]).code(0).says("1 rejected");
    assert_eq!(place.rows("email, n"), "a@x 100, c@x 20");
    assert!(place.letters("reason")[0].to_lowercase().contains("division by zero"), "{:?}", place.letters("reason"));
}

#[test]
fn a_flood_of_bad_messages_stops_the_stream_and_nothing_is_written() {
    let place = Place::new(1);
    let bad: Vec<String> = (0..300).map(|n| format!("{{\"user\":\"{n}\"}}")).collect();
    place.send(&bad);
    let stopped = place.test.run(&["run"]).code(1).says("error[E0521]");
    stopped.says("300 of the last 300 messages of `users` are bad").says("300 of them: `email`: there is no value");
    assert_eq!(place.rows("email"), "");
    let sources = place.test.read("project/sources.toml");
    place.test.write("project/sources.toml", &format!("{sources}max_bad_share = 1.0\n"));
    place.test.run(&["run"]).code(0).says("300 rejected");
    assert_eq!(place.letters("\"offset\"").len(), 300);
}

#[test]
fn a_flood_of_what_the_target_refuses_stops_the_stream_too() {
    let place = Place::new(1);
    let bad: Vec<String> = (0..60).map(|n| event(&format!("{n}@x"), 13)).collect();
    place.send(&bad);
    place.test.run(&["run"]).code(1).says("error[E0521]").says("users_n_check");
    assert!(place.letters("\"offset\"").len() < 50, "{:?}", place.letters("\"offset\""));
}

#[test]
fn dead_letters_are_shown_tried_again_and_let_go() {
    let place = Place::new(1);
    let platinum = "{\"email\":\"p@x\",\"n\":1,\"status\":\"Platinum\"}";
    place.send(&[event("a@x", 1).as_str(), platinum, "{", "\u{0}"]);
    place.test.run(&["dlq", "ls"]).code(0).says("there are no dead letters");
    place.test.run(&["run"]).code(0).says("3 rejected");
    place.test.run(&["dlq", "ls", "--output", "csv"]).code(0).prints("users,users,1,").prints("0:1");
    let shown = place.test.run(&["dlq", "show", "users", "0:1", "--output", "ndjson"]).code(0);
    let shown = shown.prints("Platinum").prints("\"place\":\"0:1\"").prints("users_status_check");
    assert_eq!(shown.stdout.lines().count(), 1);
    place.test.run(&["dlq", "replay", "users"]).code(1).says("0 dead letters, 3 still refused");
    place.ask("alter table {}.users drop constraint users_status_check; select ''");
    place.test.run(&["dlq", "replay", "users", "0:1"]).code(0).says("1 dead letter, 0 still refused");
    assert_eq!(place.rows("email, status"), "a@x Gold, p@x Platinum");
    assert_eq!(place.letters("\"offset\""), ["2", "3"]);
    place.test.run(&["dlq", "drop", "users"]).code(2).says("say `--yes`");
    place.test.run(&["dlq", "drop", "users", "0:2"]).code(0).says("1 dead letter");
    assert_eq!(place.letters("\"offset\""), ["3"]);
    place.test.run(&["dlq", "drop", "users", "--yes"]).code(0);
    place.test.run(&["dlq", "show", "user"]).code(2).says("a stream model with a similar name is `users`");
    place.test.run(&["run"]).code(0).says("no new events");
}

#[test]
fn what_a_dead_letter_does_not_keep_is_read_from_the_topic_again() {
    let place = Place::new(1);
    let model = "{{ config(materialized = \"stream\", key = [\"email\"]) }}\n\
                 select coalesce(_key, email) as email, n, status from {{ source(\"events\", \"users\") }}";
    place.test.write("project/models/users.sql", model);
    place.send(&[event("a@x", 1), event("b@x", 13)]);
    place.test.run(&["run"]).code(0).says("1 rejected");
    place.send(&[event("c@x", 13), event("d@x", 4)]);
    place.test.run(&["run"]).code(0).says("1 rejected");
    place.test.run(&["dlq", "replay", "users"]).code(1).says("0 dead letters, 2 still refused");
    assert!(place.letters("reason")[1].contains("users_n_check"), "{:?}", place.letters("reason"));
    place.ask("alter table {}.users drop constraint users_n_check; select ''");
    place.forget(2);
    place.test.run(&["dlq", "replay", "users"]).code(1).says("1 dead letter, 1 still refused");
    assert_eq!(place.rows("email, n"), "a@x 1, c@x 13, d@x 4");
    assert_eq!(place.letters("\"offset\""), ["1"]);
    assert!(place.letters("reason")[0].contains("not in the topic any more"), "{:?}", place.letters("reason"));
}
