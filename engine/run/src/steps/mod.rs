//! What each kind of step does: one file or folder a kind; and what all kinds share.

mod append_mark;
pub mod emit;
pub mod generate;
pub mod model;
pub mod replicate;
pub mod seed;
pub mod step_run;
pub mod stream;
mod table;
pub mod test;
mod write_mode;
pub mod write_rows;

use crate::{
    error::Result,
    plan::{Action, Step},
    report::NodeReport,
};
use step_run::StepRun;

/// Does a step.
pub async fn run(run: &StepRun, step: &Step) -> Result<Vec<NodeReport>> {
    let node = &step.nodes[0];
    match step.action {
        Action::Generate => generate::run(run, &step.nodes).await,
        Action::Replicate => replicate::run(run, &step.nodes).await,
        Action::Seed => Ok(vec![seed::run(run, node).await?]),
        Action::Build => Ok(vec![Box::pin(model::run(run, node)).await?]),
        Action::Test => Ok(vec![test::run(run, node).await?]),
    }
}
