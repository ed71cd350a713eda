//! A stream that is killed again and again gives what it gives undisturbed.

use super::place::{Place, Sink};
use rand::{Rng, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::BTreeMap, process::Stdio, thread::sleep, time::Duration};

/// Events in all.
const EVENTS: u32 = 10_000;
/// Users that they are of.
const USERS: u32 = 2_000;

/// An event, and what comes of it: the user's number and value, or nothing.
fn event(n: u32, random: &mut impl Rng) -> (Vec<u8>, Option<(u32, u32)>) {
    let user = random.random_range(0..USERS);
    let value = if n.is_multiple_of(13) { n + 1 } else { n };
    let good = format!("{{\"email\":\"{user}@x\",\"n\":{value},\"status\":\"Gold\"}}");
    match random.random_range(0..1000_u32) {
        0..2 => (good[..good.len() / 2].into(), None),
        2..4 => (format!("{{\"email\":\"{user}@x\",\"n\":\"many\"}}").into(), None),
        4 => (format!("{{\"n\":{value}}}").into(), None),
        5 => (format!("{{\"email\":\"{user}@x\",\"n\":13,\"status\":\"Gold\"}}").into(), None),
        _ => (good.into(), Some((user, value))),
    }
}

#[test]
fn killed_at_random_a_stream_takes_each_event_once() {
    kill_at_random(&Place::new(4));
}

#[test]
fn killed_at_random_a_stream_takes_each_event_once_in_mysql() {
    kill_at_random(&Place::into(Sink::MySql, 4));
}

fn kill_at_random(place: &Place) {
    place.batches_of(700);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let (mut sent, mut last, mut poison) = (vec![], BTreeMap::new(), 0);
    for n in 0..EVENTS {
        let (message, comes) = event(n, &mut random);
        match comes {
            Some((user, value)) => drop(last.insert(user, value)),
            None => poison += 1,
        }
        // Sent twice, it is the same.
        if random.random_range(0..50_u32) == 0 && comes.is_some() {
            sent.push(message.clone());
        }
        sent.push(message);
    }
    place.send(&sent);
    for _ in 0..15 {
        let mut run = place.test.command(&["run"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(random.random_range(150..700_u64)));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    place.test.run(&["run"]).code(0);
    let expected: Vec<String> = last.iter().map(|(user, value)| format!("{user}@x {value}")).collect();
    let mut found: Vec<String> = place.rows("email, n").split(", ").map(str::to_owned).collect();
    let by_user = |text: &String| text.split('@').next().unwrap().parse::<u32>().unwrap();
    found.sort_by_key(by_user);
    let wrong: Vec<_> = found.iter().zip(&expected).filter(|(found, expected)| found != expected).take(9).collect();
    assert_eq!((found.len(), wrong), (expected.len(), vec![]), "found, and expected");
    assert_eq!(place.letters("\"offset\"").len(), poison);
    let left = "select cast(count(*) as char(9)) from information_schema.tables \
                where table_schema = '{}' and table_name like 'engine_stage%'";
    let left = place.ask(left).trim().to_owned();
    assert_eq!(left, "0", "nothing is left behind");
}
