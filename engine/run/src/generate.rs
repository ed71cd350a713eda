//! Generators fill tables and topics that are missing.

use crate::{error::Result, report::NodeReport, step::StepRun};
use engine_language::graph::NodeId;

/// Fills what is missing.
pub async fn run(_: &StepRun, _: &[NodeId]) -> Result<Vec<NodeReport>> {
    Ok(vec![])
}
