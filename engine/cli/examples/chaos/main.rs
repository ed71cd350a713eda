//! Chaos: a stream from Kafka into a database whose program is killed, whose servers are stopped and started, and that is not
//! alone. At the end the table is what the topic says, and each poison is once in the dead letters.
//!
//! `make chaos`, or `cargo run --example chaos -- EVENTS SEED` over servers that `scripts/services up` started. `CHAOS_SINK` is
//! `postgres`, which it is if not given, or `mysql`.
#![expect(clippy::unwrap_used, reason = "a chaos that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "it says what it does")]

mod feed;
mod oracle;
mod program;
mod servers;
mod sink;

use program::Program;
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use servers::Servers;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many things were done to it.
#[derive(Debug, Default)]
struct Done {
    kills: u32,
    brokers: u32,
    databases: u32,
    rivals: u32,
    refused: u32,
}

fn main() {
    let mut words = std::env::args().skip(1);
    let mut number = |or: u64| words.next().map_or(or, |word| word.parse().expect("a number"));
    let (events, seed) = (number(1_000_000), number(1));
    let servers = Servers::found();
    let place = servers.prepare();
    println!("{events} events into {}, seed {seed}, topic and schema {place}", servers.sink.kind());
    let sent = Arc::new(AtomicU64::new(0));
    let feeding = thread::spawn({
        let (brokers, topic, sent) = (servers.brokers.clone(), format!("{place}.users"), sent.clone());
        move || feed::feed(&brokers, &topic, events, seed, &sent)
    });
    let began = Instant::now();
    let done = disturb(&servers, &place, seed, || sent.load(Ordering::Relaxed) < events);
    feeding.join().expect("feeding does not fail");
    println!("all sent after {:.0?}: {done:?}; now undisturbed", began.elapsed());
    let program = Program::new(&servers, &place);
    assert!((0..10).any(|_| program.run_to_the_end()), "an undisturbed run comes to its end");
    let said = oracle::ask(&servers.brokers, &format!("{place}.users"));
    let found = servers.sink.found_in(&place);
    oracle::compare(&said, &found);
    assert!(done.refused > 0 || done.rivals == 0, "of two programs one is refused");
    println!(
        "{} messages, {} users, {} dead letters: as the topic says. {:.0?}",
        said.messages,
        said.users.len(),
        said.poison.len(),
        began.elapsed()
    );
}

/// What is done to it.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Kill,
    Broker,
    Database,
    Rival,
}

/// Ten deeds in an order of chance: each kind is among them.
fn deeds(random: &mut ChaCha8Rng) -> Vec<Deed> {
    use Deed::{Broker, Database, Kill, Rival};
    let mut deeds = vec![Kill, Broker, Kill, Database, Kill, Rival, Kill, Rival, Kill, Kill];
    for left in (1..deeds.len()).rev() {
        deeds.swap(left, random.random_range(0..=left));
    }
    deeds
}

/// Disturbs the program and its servers as long as there is more to come.
fn disturb(servers: &Servers, place: &str, seed: u64, more: impl Fn() -> bool) -> Done {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut done = Done::default();
    let mut program = Program::new(servers, place);
    program.start();
    let mut left = vec![];
    while more() {
        thread::sleep(Duration::from_millis(random.random_range(1000..5000)));
        if left.is_empty() {
            left = deeds(&mut random);
        }
        match left.pop() {
            Some(Deed::Broker) => {
                done.brokers += 1;
                servers.restart_broker();
            }
            Some(Deed::Database) => {
                done.databases += 1;
                servers.sink.restart();
            }
            Some(Deed::Rival) => {
                done.rivals += 1;
                done.refused += u32::from(rival(servers, place, &mut program));
            }
            Some(Deed::Kill) | None => {
                done.kills += 1;
                program.kill();
            }
        }
        program.start();
    }
    program.kill();
    done
}

/// Starts a second program beside the first. Whether one of them was refused, as long as both could work.
fn rival(servers: &Servers, place: &str, first: &mut Program) -> bool {
    let mut second = Program::new(servers, place);
    second.start();
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        if first.was_refused() || second.was_refused() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}
