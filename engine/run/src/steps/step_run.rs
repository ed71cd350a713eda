//! What a step needs of its run, whatever its kind.

use crate::{
    clock,
    error::Result,
    event::{Event, Events, Level},
    history::{Built, Inputs},
    location::Place,
    plan,
    report::{CheckReport, NodeReport, Status},
    reuse::{Reuse, Verdict},
    runner::Runner,
    sql::session::Sessions,
};
use engine_connect::hub::connection::Connection;
use engine_language::{graph::NodeId, model::Model, template::RunInfo};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a step needs of its run.
#[derive(Clone, Debug)]
pub struct StepRun {
    /// The runner.
    pub runner: Runner,
    /// The run.
    pub run: RunInfo,
    /// The way out.
    pub events: Events,
    /// Whether nodes are what they were.
    pub reuse: Arc<Reuse>,
    /// Whether the user stopped it.
    pub cancel: CancellationToken,
}

impl StepRun {
    /// Sessions in which the current time is that of the run's start.
    pub fn sessions(&self) -> Sessions {
        self.runner.sessions.started_at(self.run.started_at_us)
    }

    /// Says that something happened.
    pub fn send(&self, event: &Event) {
        self.runner.send(&self.events, event);
    }

    /// A line for the log.
    pub fn log(&self, node: &NodeId, level: Level, message: impl Into<String>) {
        self.send(&Event::Log { node: Some(node.clone()), level, message: message.into() });
    }

    /// Says how checks went.
    pub fn checked(&self, node: &NodeId, checks: &[CheckReport]) {
        if !checks.is_empty() {
            self.send(&Event::Checked { node: node.clone(), checks: checks.to_vec() });
        }
    }

    /// Whether a run is this one, or one of those that it retries.
    pub fn is_of_chain(&self, run: &str) -> bool {
        self.run.id == run || self.runner.earlier_runs.iter().any(|earlier| earlier == run)
    }

    /// Whether a model is made anew whatever is there: what it says itself goes before what was typed.
    pub fn is_full_refresh(&self, model: &Model) -> bool {
        model.config.full_refresh.unwrap_or(self.runner.options.full_refresh)
    }

    /// Where a node's rows lie, and the connection that holds them.
    pub fn locate(&self, node: &NodeId) -> Result<(Place, Arc<dyn Connection>)> {
        self.runner.systems.locate(&self.runner.project, node)
    }

    /// The report of a node that is unchanged; `None` if it has to be made.
    pub async fn reused(&self, node: &NodeId, began_us: i64) -> Result<Option<NodeReport>> {
        Ok(match self.reuse.verdict(node).await? {
            Verdict::Unchanged(built) => Some(self.unchanged(node, &built, began_us)),
            Verdict::Changed(_) => None,
        })
    }

    /// The report of a node that is what it was at its last success.
    pub fn unchanged(&self, node: &NodeId, last: &Built, began_us: i64) -> NodeReport {
        let mut report = NodeReport::new(node.clone(), Status::Reused, began_us);
        report.rows = last.rows;
        report.note = Some(format!("unchanged since {}", clock::short(last.at_us, began_us)));
        report.took = self.runner.since(began_us);
        report
    }

    /// Remembers a success.
    pub fn remember(
        &self,
        node: &NodeId,
        inputs: Option<Inputs>,
        output: Option<String>,
        rows: Option<u64>,
    ) -> Result<()> {
        let project = &self.runner.project;
        let built = Built {
            inputs,
            output,
            definition: self.reuse.definition(node).hash.clone(),
            at_us: self.runner.clock.now_us(),
            rows,
            text: plan::text(project, node),
        };
        self.runner.history.remember_built(project.target.as_str(), node, &built)
    }
}
