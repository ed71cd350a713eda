//! Whether a replication has anything to do.

use super::{Job, source};
use crate::{
    error::Result,
    plan,
    report::{NodeReport, Status},
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
        let runner = &self.run.runner;
        let Some(built) = runner.history.built(runner.project.target.as_str(), node)? else { return Ok(false) };
        let (Some(input), Some(output)) = (&built.key, &built.output) else { return Ok(false) };
        if built.fingerprint != plan::fingerprint(&runner.project, node) {
            return Ok(false);
        }
        let now = self.run.tokens.of(&source(self.replication, node)).await?;
        if now.is_none_or(|token| token.value() != *input) {
            return Ok(false);
        }
        // Only now: a target may have to be read for it.
        let there = self.run.tokens.of(node).await?;
        Ok(there.is_some_and(|token| token.value() == *output))
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
