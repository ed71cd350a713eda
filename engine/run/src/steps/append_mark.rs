//! Rows that are only added are added once. With them a mark is committed into the target, as the position of a stream is:
//! which run added them. A try, a retry or a job that is begun again after the commit finds it and adds nothing.

use super::write_mode::write_mode;
use crate::{error::Result, history::Inputs, steps::step_run::StepRun};
use engine_connect::hub::{
    connection::Connection,
    position::Position,
    publication::{Advance, Commit, Mode},
    source::TableRequest,
};
use engine_language::{
    id::NodeId,
    model::{Materialized, Model},
    name::Name,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What stands in the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendMark {
    /// The run that added the rows.
    pub run: String,
    /// The versions of what the model read, if they are known.
    pub inputs: Option<Inputs>,
    /// How many rows it added.
    pub rows: u64,
}

/// Where the mark of a model stands.
pub struct MarkedTable {
    /// What the mark is kept under in the target.
    pub pipeline: Name,
    stands: Option<Position>,
}

impl MarkedTable {
    /// The mark's place, if the model only adds rows and its system keeps positions.
    pub async fn of(connection: &Arc<dyn Connection>, node: &NodeId, model: &Model) -> Result<Option<Self>> {
        let adds = model.config.materialized == Materialized::Incremental && write_mode(model) == Mode::Append;
        if !adds || !connection.abilities().positions {
            return Ok(None);
        }
        let pipeline = Name::new(format!("append {node}"));
        let stands = connection.position(&pipeline).await?;
        Ok(Some(Self { pipeline, stands }))
    }

    /// What this run, or one that it retries, has added already, if the table is still there.
    pub async fn added(
        &self,
        run: &StepRun,
        connection: &Arc<dyn Connection>,
        table: &Name,
    ) -> Result<Option<AppendMark>> {
        let mark = self.stands.as_ref().and_then(|stands| serde_json::from_value::<AppendMark>(stands.0.clone()).ok());
        let Some(mark) = mark.filter(|mark| run.is_of_chain(&mark.run)) else { return Ok(None) };
        Ok(connection.readable()?.is_there(&TableRequest::all(table.clone())).await?.then_some(mark))
    }

    /// What is committed with the rows of a run.
    pub fn commit(&self, mark: &AppendMark) -> Commit {
        let to = Position(serde_json::to_value(mark).unwrap_or_default());
        Commit { advance: Some(Advance { from: self.stands.clone(), to }), ..Commit::default() }
    }
}
