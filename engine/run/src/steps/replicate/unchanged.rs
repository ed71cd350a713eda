//! Whether a replication has anything to do.

use super::Job;
use crate::{
    error::Result,
    report::{NodeReport, Status},
    reuse::Verdict,
};
use engine_language::graph::NodeId;
use futures::{StreamExt, TryStreamExt, stream};

/// Tables that are looked at together; a system may have to read a table to tell whether it is the same.
pub(super) const AT_ONCE: usize = 4;

impl Job<'_> {
    /// Reports that all tables are what they were, if so: one changed table is reason to copy all, as of one instant.
    pub(super) async fn reused(&self) -> Result<Option<Vec<NodeReport>>> {
        if self.run.runner.options.full_refresh {
            return Ok(None);
        }
        let each: Vec<_> = self.nodes.iter().map(|node| self.same(node)).collect();
        let mut same = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some(same) = same.try_next().await? {
            if !same {
                return Ok(None);
            }
        }
        Ok(Some(self.nodes.iter().map(|node| self.unchanged(node)).collect()))
    }

    async fn same(&self, node: &NodeId) -> Result<bool> {
        Ok(matches!(self.run.reuse.verdict(node).await?, Verdict::Unchanged(_)))
    }

    /// The report of a table that is what it was.
    pub(super) fn unchanged(&self, node: &NodeId) -> NodeReport {
        let runner = &self.run.runner;
        let report = match runner.history.built(runner.project.target.as_str(), node) {
            Ok(Some(built)) => self.run.unchanged(node, &built, self.began),
            _ => NodeReport::new(node.clone(), Status::Reused, self.began),
        };
        NodeReport { done: "Replicated", took: runner.since(self.began), ..report }
    }
}
