//! PostgreSQL, on a real server.

use std::sync::atomic::{AtomicU32, Ordering};

/// The server under test.
pub fn url() -> String {
    std::env::var("ENGINE_TEST_POSTGRES_URL")
        .expect("ENGINE_TEST_POSTGRES_URL is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`")
}

/// The name of a schema that nobody else uses; the first write makes it.
pub fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("it_{}_{now}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
