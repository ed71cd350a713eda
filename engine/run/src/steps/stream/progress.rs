//! What a stream says of itself while it runs.

use crate::{error::Result, event::Event, report::NodeReport, steps::step_run::StepRun};
use engine_connect::hub::{position::Position, topics::Lag};
use engine_language::graph::NodeId;
use std::time::{Duration, Instant};

/// How often its lag is asked for.
const OFTEN: Duration = Duration::from_secs(1);

/// Says how far a stream is and how far behind, now and then.
pub struct StreamProgress<'a> {
    run: &'a StepRun,
    node: &'a NodeId,
    said: Option<Instant>,
    position: Option<Position>,
}

impl<'a> StreamProgress<'a> {
    /// Has said nothing yet.
    pub fn new(run: &'a StepRun, node: &'a NodeId) -> Self {
        Self { run, node, said: None, position: None }
    }

    /// A batch was committed.
    pub async fn moved<F: Future<Output = Result<Option<Lag>>>>(
        &mut self,
        report: &NodeReport,
        behind: impl FnOnce() -> F,
    ) -> Result<()> {
        if self.said.is_some_and(|said| said.elapsed() < OFTEN) {
            return Ok(());
        }
        self.said = Some(Instant::now());
        let lag = behind().await?;
        self.say(lag.as_ref());
        let rows = report.events.unwrap_or(0);
        let of_rows = lag.map(|lag| rows + lag.values().sum::<u64>());
        self.run.send(&Event::StepProgress { node: self.node.clone(), rows, bytes: report.bytes, of_rows });
        Ok(())
    }

    /// How far behind it is.
    pub fn say(&self, lag: Option<&Lag>) {
        if let Some(lag) = lag {
            self.run.send(&Event::Lag { node: self.node.clone(), partitions: lag.clone() });
        }
    }

    /// Where the target says that it stands.
    pub fn stands(&mut self, position: Option<Position>) {
        self.position = position;
    }

    /// Where it stood last.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }
}
