//! Spans of runs, of their nodes and of their queries' operators, for an OpenTelemetry collector: OTLP over HTTP, as JSON.
//!
//! It is where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without that, nothing is sent.

mod spans;

use engine_run::{
    event::Event,
    report::Report,
    service::{Reading, Watcher, Work},
};
use serde_json::Value;
use std::{
    env,
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

/// Runs whose spans wait to be sent; more are let go.
const MOST_WAITING: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);
/// What waits when the service ends may take so long.
const LAST: Duration = Duration::from_secs(2);

/// Sends spans when a run ends.
#[derive(Debug, Default)]
pub struct Traces(Mutex<Option<Sending>>);

#[derive(Debug)]
struct Sending {
    queue: SyncSender<Value>,
    ended: Receiver<()>,
}

/// Where to send, and what to send with it.
struct Collector {
    url: String,
    headers: Vec<(String, String)>,
}

impl Traces {
    /// Sends where the environment says, on a thread of its own.
    pub fn of_environment() -> Self {
        let Some(collector) = Collector::of_environment() else { return Self::default() };
        let (queue, waiting) = sync_channel(MOST_WAITING);
        let (done, ended) = sync_channel(1);
        thread::spawn(move || {
            collector.send_all(&waiting);
            let _ = done.send(());
        });
        Self(Mutex::new(Some(Sending { queue, ended })))
    }

    /// Waits a little until what waits is sent, and ends.
    pub fn finish(&self) {
        let sending = self.0.lock().expect("no holder of this lock panics").take();
        if let Some(Sending { queue, ended }) = sending {
            drop(queue);
            let _ = ended.recv_timeout(LAST);
        }
    }
}

impl Watcher for Traces {
    fn hear(&self, _: &Work, _: i64, _: &Event) {}

    fn ended(&self, work: &Work, reading: &Reading, report: &Report) {
        let sending = self.0.lock().expect("no holder of this lock panics");
        let Some(sending) = sending.as_ref() else { return };
        if sending.queue.try_send(spans::of(work, reading, report)).is_err() {
            tracing::warn!("the traces' collector is too slow; spans are let go");
        }
    }
}

impl Collector {
    fn of_environment() -> Option<Self> {
        let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let all = given("OTEL_EXPORTER_OTLP_ENDPOINT").map(|url| format!("{}/v1/traces", url.trim_end_matches('/')));
        let url = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or(all)?;
        let headers = given("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let pairs = headers.split(',').filter_map(|pair| pair.split_once('='));
        let headers = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        Some(Self { url, headers })
    }

    fn send_all(&self, waiting: &Receiver<Value>) {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
        let agent: ureq::Agent = config.user_agent(concat!("engine/", env!("CARGO_PKG_VERSION"))).build().into();
        let mut there = true;
        for spans in waiting {
            let mut request = agent.post(&self.url).header("content-type", "application/json");
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            // The error's own words may hold the address, and that may hold a secret. It is told once.
            let sent = request.send(spans.to_string()).is_ok();
            if there && !sent {
                tracing::warn!("the traces' collector cannot be reached; spans are let go until it can");
            }
            there = sent;
        }
    }
}
