//! Server-sent events: which parts of pages are out of date.
//!
//! One task looks at what pages show and compares it with the last time; streams only pass on what it found. A stream ends
//! after a while, so that browsers come back and are asked again who they are.

use crate::web::{changes::Changed, request::RequestContext, state::Web};
use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt as _, stream};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    hash::{DefaultHasher, Hasher as _},
    time::Duration,
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until, timeout},
};

/// Pages are told once in so long at most.
const MOST_OFTEN: Duration = Duration::from_secs(1);
/// The records are looked at so often for what other processes wrote.
const LOOK: Duration = Duration::from_millis(400);
/// A stream ends after so long.
const LONGEST: Duration = Duration::from_mins(5);

/// That a stream was looked at is told so often, if nothing came.
const LOOKED_US: i64 = 10_000_000;

/// What a page may show, by the word that its live parts name in `data-live`.
const TOPICS: [&str; 5] = ["project", "records", "runs", "sources", "streams"];

/// Tells what changed whenever something did.
pub async fn watch(web: Web) {
    let mut pulse = web.service.pulse();
    let mut version = web.records.version().unwrap_or_default();
    let mut seen = BTreeMap::new();
    loop {
        let _ = timeout(LOOK, pulse.changed()).await;
        let now = web.records.version().unwrap_or(version);
        if now != version {
            // Perhaps another process wrote: whoever waits for this service's pulse looks as well.
            web.service.beat();
        }
        version = now;
        let found = digests(&web, version);
        let changed: Changed = TOPICS.into_iter().filter(|topic| seen.get(topic) != found.get(topic)).collect();
        if changed.is_empty() {
            continue;
        }
        seen = found;
        web.changes.tell(changed);
        sleep(MOST_OFTEN).await;
    }
}

/// A digest of what each topic shows.
fn digests(web: &Web, version: i64) -> BTreeMap<&'static str, u64> {
    let service = &web.service;
    let reading = service.reading();
    let broken = service.broken().map(|broken| broken.problems.count());
    let live: Vec<_> = service
        .live()
        .into_iter()
        .map(|run| {
            let nodes: Vec<_> = run.nodes.iter().map(|(id, node)| format!("{id} {node:?}")).collect();
            (run.work.run, run.steps, nodes)
        })
        .collect();
    let schedules = reading.project.schedules.keys();
    let looks: Vec<_> = schedules
        .map(|name| service.look(name.as_str()).map(|look| (look.at_us / LOOKED_US, look.came_us, look.failed)))
        .collect();
    [
        ("project", digest(&(reading.read_us, broken, service.blocked_by()))),
        ("records", digest(&version)),
        ("runs", digest(&live)),
        ("sources", web.changes.sources()),
        ("streams", digest(&(service.behind(), looks))),
    ]
    .into()
}

fn digest(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Changes as they happen.
pub async fn events(request: RequestContext) -> Response {
    let changes = request.web.changes.subscribe();
    Sse::new(told(request, changes)).keep_alive(KeepAlive::default()).into_response()
}

fn told(
    request: RequestContext,
    changes: broadcast::Receiver<Changed>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let end = Instant::now() + LONGEST;
    let first = Event::default().event("hello").data("1");
    let rest = stream::unfold((request, changes), move |(request, mut changes)| async move {
        let changed = tokio::select! {
            changed = changes.recv() => changed,
            () = request.web.closing.cancelled() => return None,
            () = sleep_until(end) => return None,
        };
        let topics = match changed {
            Ok(topics) => topics,
            Err(RecvError::Lagged(_)) => TOPICS.to_vec(),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(Event::default().event("changed").data(topics.join(" "))), (request, changes)))
    });
    stream::once(async { Ok(first) }).chain(rest)
}
