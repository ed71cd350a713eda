//! Live pages: a line whenever something happened, so that the script asks for the page again.

use crate::web::request::RequestContext;
use crate::web::state::Web;
use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt as _, stream};
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// How often the records are looked at for what other processes wrote.
const LOOK: Duration = Duration::from_millis(400);
/// A page is not told more often.
const MOST_OFTEN: Duration = Duration::from_millis(400);
/// A connection ends after so long; browsers come back, and are asked again who they are.
const LONGEST: Duration = Duration::from_mins(5);

/// Beats the pulse when another process wrote into the records.
pub async fn watch(web: Web) {
    let mut last = web.records.version().unwrap_or_default();
    loop {
        sleep(LOOK).await;
        let now = web.records.version().unwrap_or(last);
        if now != last {
            last = now;
            web.service.beat();
        }
    }
}

/// Lines as things happen.
pub async fn events(request: RequestContext) -> Response {
    let pulse = request.web.service.pulse();
    Sse::new(beats(request, pulse)).keep_alive(KeepAlive::default()).into_response()
}

fn beats(request: RequestContext, pulse: watch::Receiver<u64>) -> impl Stream<Item = Result<Event, Infallible>> {
    let end = Instant::now() + LONGEST;
    let first = Event::default().event("hello").data("1");
    let rest = stream::unfold((request, pulse), move |(request, mut pulse)| async move {
        tokio::select! {
            changed = pulse.changed() => changed.ok()?,
            () = request.web.closing.cancelled() => return None,
            () = tokio::time::sleep_until(end) => return None,
        }
        // What comes in this moment is told with it.
        sleep(MOST_OFTEN).await;
        let beat = *pulse.borrow_and_update();
        Some((Ok(Event::default().event("changed").data(beat.to_string())), (request, pulse)))
    });
    stream::once(async { Ok(first) }).chain(rest)
}
