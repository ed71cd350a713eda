//! What a plan cannot know by itself: which inputs changed, and how many rows a model would have. Only reads.

use crate::{
    error::{Error, Result},
    lag::lag,
    location::Place,
    plan::{Action, Plan, Step, Why},
    reuse::{Reuse, Verdict},
    systems,
};
use engine_connect::hub::{
    source::{BatchLimit, ReadRequest},
    version::Reads,
};
use engine_language::{
    graph::{NodeId, NodeKind},
    model::Materialized,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::timeout;

/// A system that does not answer in this time is not waited for: what it holds may have changed.
const PATIENCE: Duration = Duration::from_secs(5);

impl Reuse {
    /// Asks the systems what changed, and gives the steps that have no reason of their own the one that they have from their
    /// inputs. Says of which tables all rows had to be read for that, and why.
    pub async fn explain_changes(&self, plan: &mut Plan) -> BTreeMap<Place, Reads> {
        let mut moving: BTreeSet<NodeId> = BTreeSet::new();
        for step in &mut plan.steps {
            if step.why == Why::Unchanged {
                let above = step.nodes.iter().flat_map(|node| self.stored_parents(node)).find(|n| moving.contains(n));
                step.why = match above {
                    Some(input) => Why::Input(input),
                    None => self.reason(step).await,
                };
            }
            if step.why != Why::Unchanged {
                moving.extend(step.nodes.iter().cloned());
                moving.extend(step.nodes.iter().flat_map(|node| self.filled(node)));
            }
        }
        self.versions.rows_read()
    }

    /// What a node reads that is stored: views are looked through.
    fn stored_parents(&self, node: &NodeId) -> BTreeSet<NodeId> {
        self.definitions.stored_parents(&self.project, node)
    }

    /// The sources whose tables a node writes.
    fn filled(&self, node: &NodeId) -> BTreeSet<NodeId> {
        let children = self.project.graph.children.get(node).into_iter().flatten();
        children.filter(|child| child.kind() == NodeKind::Source).cloned().collect()
    }

    /// The reason of a step whose text is what it was and whose inputs in the plan are, too.
    async fn reason(&self, step: &Step) -> Why {
        let stream = |node: &NodeId| {
            let model = self.project.model(node);
            model.is_some_and(|model| model.config.materialized == Materialized::Stream)
        };
        for node in &step.nodes {
            let why = match step.action {
                Action::Generate => Ok(None),
                Action::Build if stream(node) => {
                    timeout(PATIENCE, self.followed(node)).await.unwrap_or(Err(Error::Cancelled))
                }
                _ => {
                    let verdict = timeout(PATIENCE, self.verdict(node)).await.unwrap_or(Err(Error::Cancelled));
                    verdict.map(|verdict| match verdict {
                        Verdict::Unchanged(_) => None,
                        // What is new or missing of several nodes is named: the others are made with it.
                        Verdict::Changed(Why::New | Why::Changed | Why::Output) if step.nodes.len() > 1 => {
                            Some(Why::Input(node.clone()))
                        }
                        Verdict::Changed(why) => Some(why),
                    })
                }
            };
            if let Some(why) = why.unwrap_or_else(|_| Some(Why::Input(self.input(node)))) {
                return why;
            }
        }
        Why::Unchanged
    }

    /// The input that may have changed: what lies outside, if anything does.
    fn input(&self, node: &NodeId) -> NodeId {
        let parents = self.stored_parents(node);
        let outside = parents.iter().find(|parent| parent.kind() == NodeKind::Source);
        outside.or(parents.first()).unwrap_or(node).clone()
    }

    /// Why a stream model would run: its topic goes on beyond what was read.
    async fn followed(&self, node: &NodeId) -> Result<Option<Why>> {
        if let Some((topic, lag)) = lag(&self.project, &self.systems, node).await? {
            let events = lag.values().sum();
            return Ok((events > 0).then_some(Why::Behind(topic, events)));
        }
        let topic = self.input(node);
        let (_, target) = self.systems.locate(&self.project, node)?;
        let (place, source) = self.systems.locate(&self.project, &topic)?;
        let since = target.position(node.model().expect("a stream is a model")).await?;
        let limit = BatchLimit { rows: 1, bytes: 1 << 20, time: Duration::from_millis(500) };
        let mut request = systems::request(&self.project, &topic, &place);
        (request.since, request.limit) = (since.clone(), Some(limit));
        let next = source.open(ReadRequest { tables: vec![request] }).await?.tables.pop().and_then(|open| open.next);
        Ok((next.is_some() && next != since).then_some(Why::Input(topic)))
    }
}
