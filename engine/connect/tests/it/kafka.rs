//! Kafka, on a real broker, and on librdkafka's mock where a real one won't fail on demand.

mod avro;
mod faults;
mod gaps;
pub mod in_avro;
mod messages;
mod poison;
pub mod registry;
mod sasl;
mod topic;

use std::sync::atomic::{AtomicU32, Ordering};

/// The broker under test.
pub fn brokers() -> String {
    std::env::var("ENGINE_TEST_KAFKA")
        .expect("ENGINE_TEST_KAFKA is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}

/// A prefix of topics that nobody else uses.
pub fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("it-{}-{now}-{}.", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
