//! Events of users, some sent twice and some poison.

use rand::{Rng, RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode as Code},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Users that the events are of.
const USERS: u64 = 100_000;
/// Events a second, so that there is time for what is to happen.
const RATE: u64 = 12_000;

/// Sends events to a topic, and counts them. A broker that is away is waited for.
pub fn feed(brokers: &str, topic: &str, events: u64, seed: u64, sent: &AtomicU64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0xfeed);
    let producer = producer(brokers);
    let began = Instant::now();
    for n in 0..events {
        let (user, message) = event(n, &mut random);
        send(&producer, topic, user, &message);
        if random.random_range(0..50_u32) == 0 {
            send(&producer, topic, user, &message);
        }
        sent.store(n, Ordering::Relaxed);
        let due = began + Duration::from_micros(n * 1_000_000 / RATE);
        if n % 100 == 0 {
            producer.poll(due.saturating_duration_since(Instant::now()));
        }
    }
    producer.flush(Duration::from_mins(2)).unwrap();
    sent.store(events, Ordering::Relaxed);
}

fn producer(brokers: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("enable.idempotence", "true").set("compression.type", "lz4");
    config.set("message.timeout.ms", "120000").create().unwrap()
}

fn send(producer: &BaseProducer, topic: &str, user: u64, message: &[u8]) {
    let key = user.to_string();
    let mut record = BaseRecord::<str, [u8]>::to(topic).key(&key).payload(message);
    while let Err((error, again)) = producer.send(record) {
        assert_eq!(error, KafkaError::MessageProduction(Code::QueueFull));
        producer.poll(Duration::from_millis(10));
        record = again;
    }
}

/// A user's event; one in a few hundred is poison.
fn event(n: u64, random: &mut impl Rng) -> (u64, Vec<u8>) {
    let user = random.random_range(0..USERS);
    let status = ["Gold", "Silver", "Bronze"][usize::try_from(n % 3).unwrap()];
    let good = format!("{{\"email\":\"User{user}@Example.com\",\"n\":{n},\"status\":\"{status}\"}}");
    let message = match random.random_range(0..10_000_u32) {
        0..10 => good.as_bytes()[..good.len() / 2].to_vec(),
        10..20 => good.replace("\"n\":", "\"n\":0.5,\"m\":").into_bytes(),
        20..30 => good.replace("\"email\"", "\"e-mail\"").into_bytes(),
        30..32 => good.replace(status, "Platinum").into_bytes(),
        32..34 => b"null".to_vec(),
        34..36 => vec![0xff, 0xfe],
        _ => good.into_bytes(),
    };
    (user, message)
}
