//! Building a model: one file for each thing that is made of its rows.

use super::{stream, table};
use crate::{
    error::{Error, Result},
    inputs,
    report::NodeReport,
    runner::Runner,
    steps::step_run::StepRun,
};
use engine_language::{
    code,
    diagnostic::Diagnostic,
    graph::NodeId,
    model::{Materialized, Model},
};

impl Runner {
    /// How many rows a model would have if it were built now.
    pub async fn count(&self, node: &NodeId) -> Result<usize> {
        let model = self.project.model(node).expect("a step that builds is about a model");
        let session = self.sessions.open();
        inputs::open(self, &session, &model.rendered).await?;
        Ok(session.query(&model.rendered.sql).await?.count().await?)
    }
}

/// Builds a model, unless nothing changed.
pub async fn run(run: &StepRun, node: &NodeId) -> Result<NodeReport> {
    let began = run.runner.clock.now_us();
    let model = run.runner.project.model(node).expect("a step that builds is about a model");
    match model.config.materialized {
        Materialized::Table | Materialized::Incremental => {
            if !run.is_full_refresh(model)
                && let Some(report) = run.reused(node, began).await?
            {
                return Ok(report);
            }
            table::build(run, node, model).await
        }
        Materialized::Stream => Box::pin(stream::follow(run, node, model)).await,
        Materialized::View | Materialized::Ephemeral => unreachable!("views are not planned"),
        Materialized::History => Err(unsupported(model)),
    }
}

fn unsupported(model: &Model) -> Error {
    let message = "`materialized = \"history\"` is not built yet";
    Error::Project(Box::new(
        Diagnostic::error(&code::E0309, model.config.span, message).hint("use `incremental` with a `key`"),
    ))
}
