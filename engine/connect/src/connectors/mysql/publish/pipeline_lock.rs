//! Keeps others from moving a pipeline while it is moved.

use super::{Staged, resolve_commit::position, system_tables::lock};
use crate::hub::{
    error::{Blame, Error, Result},
    publication::Commit,
};
use engine_language::name::Name;
use sqlx::MySqlConnection;

/// Seconds to wait for another run that moves the same pipeline.
const TURN_S: u32 = 30;

impl Staged {
    /// Keeps others from moving the pipeline until this session ends, and sees that it stands where the rows were read.
    pub(super) async fn hold(&self, on: &mut MySqlConnection, commit: &Commit) -> Result<()> {
        let Some(pipeline) = &self.publication.pipeline else { return Ok(()) };
        if commit.advance.is_none() && commit.settled.is_empty() {
            return Ok(());
        }
        let doing = "moving the position";
        let fault = |error| self.server.fault(doing, error);
        let rival = || {
            let message = format!("another run has moved `{pipeline}` on meanwhile; nothing was written");
            self.server.error(doing, Blame::Rival, message)
        };
        if !lock(&self.server, on, pipeline.as_str(), TURN_S).await.map_err(fault)? {
            return Err(rival());
        }
        let stands = position(&self.server, pipeline).await?;
        let as_read = commit.advance.as_ref().is_none_or(|move_on| stands == move_on.from);
        if as_read { Ok(()) } else { Err(rival()) }
    }

    /// That a dead letter which is to go is gone already.
    pub(super) fn gone(&self) -> Error {
        let pipeline = self.publication.pipeline.as_ref().map_or("", Name::as_str);
        let message = format!("a dead letter of `{pipeline}` is gone meanwhile; nothing was written");
        self.server.error("letting dead letters go", Blame::Rival, message)
    }
}
