//! How far a stream is behind the end of its topic.

use crate::{
    error::Result,
    location,
    systems::{self, Systems},
};
use engine_connect::hub::{source::TableRequest, topics::Lag};
use engine_language::{
    graph::{NodeId, NodeKind},
    model::Materialized,
    project::Project,
};

/// The stream models of a project.
pub fn streams(project: &Project) -> Vec<NodeId> {
    let models = project.models.iter().filter(|(_, model)| model.config.materialized == Materialized::Stream);
    models.map(|(name, _)| NodeId::Model(name.clone())).collect()
}

/// The topic that a stream model reads, and the messages of it that are not read yet, by partition. `None` if it reads
/// none, or its system cannot tell. Only reads.
pub async fn lag(project: &Project, systems: &Systems, stream: &NodeId) -> Result<Option<(NodeId, Lag)>> {
    let Some(model) = project.model(stream) else { return Ok(None) };
    let (_, target) = systems.locate(project, stream)?;
    for read in &model.rendered.reads {
        let (topic, Some(place)) = (&read.value, location::of(project, &read.value)) else { continue };
        let source = systems.get(&place.connection)?;
        let Some(topics) = source.topics().filter(|_| topic.kind() == NodeKind::Source) else { continue };
        let since = target.position(&model.name).await?;
        let request = TableRequest { since, ..systems::request(project, topic, &place) };
        return Ok(topics.lag(&request).await?.map(|lag| (topic.clone(), lag)));
    }
    Ok(None)
}
