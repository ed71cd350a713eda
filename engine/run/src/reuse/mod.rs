//! Whether a node is unchanged, and why not: the one place that decides it, for runs, plans, watch and the service.
//!
//! What is remembered of a node has three parts: its definition, the version of each table that it and its checks read, and
//! the version of the table that it wrote. It is unchanged if all three are what they were.

pub mod definition;
mod explain_changes;
pub mod plan_run;
mod settings;
pub mod versions;

use crate::{
    error::Result,
    history::{Built, History, Inputs},
    location,
    plan::Why,
    systems::Systems,
};
use definition::{Definition, Definitions};
use engine_language::{id::NodeId, project::Project};
use std::sync::Arc;
use versions::Versions;

/// What is decided of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is what its last success left.
    Unchanged(Box<Built>),
    /// It has to be made, for this reason.
    Changed(Why),
}

/// Decides during one run. What the run wrote, it knows; the rest is asked for once.
#[derive(Debug)]
pub struct Reuse {
    project: Arc<Project>,
    systems: Systems,
    history: Arc<History>,
    definitions: Arc<Definitions>,
    /// The versions of tables.
    pub versions: Versions,
}

impl Reuse {
    /// Has asked nothing yet.
    pub fn new(project: Arc<Project>, systems: Systems, history: Arc<History>, definitions: Arc<Definitions>) -> Self {
        let versions = Versions::new(project.clone(), systems.clone(), history.clone());
        Self { project, systems, history, definitions, versions }
    }

    /// What a node says.
    pub fn definition(&self, node: &NodeId) -> &Definition {
        self.definitions.get(node)
    }

    /// Whether a node is what its last success left; asks the systems.
    pub async fn verdict(&self, node: &NodeId) -> Result<Verdict> {
        let built = match self.same_definition(node)? {
            Ok(built) => built,
            Err(why) => return Ok(Verdict::Changed(why)),
        };
        let now = match node {
            // A test may cost less than the question whether it has to be run.
            NodeId::Test(_) => self.known_inputs(node),
            _ => self.inputs(node).await?,
        };
        let Some(now) = now else { return Ok(Verdict::Changed(Why::Input(self.untold(node).await?))) };
        if built.inputs.as_ref() != Some(&now) {
            let moved = moved(built.inputs.as_ref(), &now);
            return Ok(Verdict::Changed(Why::Input(moved.unwrap_or_else(|| node.clone()))));
        }
        if location::of(&self.project, node).is_some() {
            let there = self.versions.of(node).await?.map(|version| version.value());
            if there.is_none() || there != built.output {
                return Ok(Verdict::Changed(Why::Output));
            }
        }
        Ok(Verdict::Unchanged(Box::new(built)))
    }

    /// What is remembered of a node that says what it said then; otherwise why not.
    fn same_definition(&self, node: &NodeId) -> Result<std::result::Result<Built, Why>> {
        let Some(built) = self.history.built(self.project.target.as_str(), node)? else { return Ok(Err(Why::New)) };
        let definition = self.definition(node);
        Ok(if built.definition != definition.hash {
            Err(Why::Changed)
        } else if definition.volatile {
            Err(Why::Volatile)
        } else {
            Ok(built)
        })
    }

    /// The versions of what a node and its checks read, as they are now; `None` if one cannot be told, or if the node says
    /// something else each time. Taken before the tables are opened: what changes in between is read again.
    pub async fn inputs(&self, node: &NodeId) -> Result<Option<Inputs>> {
        let definition = self.definition(node);
        if definition.volatile {
            return Ok(None);
        }
        let mut inputs = Inputs::new();
        for read in definition.reads.iter().chain(&definition.check_reads) {
            let Some(version) = self.versions.of(read).await? else { return Ok(None) };
            inputs.insert(read.to_string(), version.value());
        }
        Ok(Some(inputs))
    }

    /// The same, if this run knows them all without asking.
    pub fn known_inputs(&self, node: &NodeId) -> Option<Inputs> {
        let definition = self.definition(node);
        if definition.volatile {
            return None;
        }
        let known = |read: &NodeId| Some((read.to_string(), self.versions.known(read)?.value()));
        definition.reads.iter().chain(&definition.check_reads).map(known).collect()
    }

    /// The first table that a node reads and whose version cannot be told.
    async fn untold(&self, node: &NodeId) -> Result<NodeId> {
        for read in &self.definition(node).reads {
            let version = if matches!(node, NodeId::Test(_)) {
                self.versions.known(read)
            } else {
                self.versions.of(read).await?
            };
            if version.is_none() {
                return Ok(read.clone());
            }
        }
        Ok(node.clone())
    }
}

/// The first input that is not what it was; `None` if none of those that are read now.
fn moved(before: Option<&Inputs>, now: &Inputs) -> Option<NodeId> {
    let before = before?;
    let (read, _) = now.iter().find(|(read, version)| before.get(*read) != Some(*version))?;
    NodeId::parse(read)
}
