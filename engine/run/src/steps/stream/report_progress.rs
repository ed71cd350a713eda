//! Telling a topic's system how far a stream is, for those who watch it there.

use super::Stream;
use engine_connect::hub::position::Position;
use std::time::{Duration, Instant};

/// How often it is told.
const OFTEN: Duration = Duration::from_secs(1);
/// How long nothing is said to a system that did not listen.
const DEAF: Duration = Duration::from_mins(1);

/// Says after a commit where the stream stands now. Whether anybody hears it changes nothing.
#[derive(Debug, Default)]
pub struct ReportProgress {
    /// When it is told again.
    next: Option<Instant>,
    /// Where the stream stands, if it was not told yet.
    waits: Option<Position>,
    complained: bool,
}

impl ReportProgress {
    /// The stream has moved.
    pub async fn moved(&mut self, stream: &Stream<'_>, to: &Position) {
        self.waits = Some(to.clone());
        if self.next.is_none_or(|next| Instant::now() >= next) {
            self.tell(stream).await;
        }
    }

    /// The stream is at the end of its topic.
    pub async fn rests(&mut self, stream: &Stream<'_>) {
        if self.next.is_none_or(|next| next.saturating_duration_since(Instant::now()) <= OFTEN) {
            self.tell(stream).await;
        }
    }

    async fn tell(&mut self, stream: &Stream<'_>) {
        let Some(at) = self.waits.take() else { return };
        let Some(topics) = stream.source.topics() else { return };
        let told = topics.report(&stream.sink.model.name, &at).await;
        self.next = Some(Instant::now() + if told.is_ok() { OFTEN } else { DEAF });
        if let Err(error) = told {
            if !self.complained {
                tracing::warn!(%error, "who watches the topic does not see how far its reader is");
            }
            self.complained = true;
        }
    }
}
