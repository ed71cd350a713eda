//! What was requested of a run, so that it can be requested again.

use super::{History, state};
use crate::{error::Result, options::RunOptions};
use engine_language::project::Project;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was requested of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The target.
    pub target: String,
    /// `--var name=value`, as typed.
    pub vars: BTreeMap<String, String>,
    /// How it was to be done.
    #[serde(flatten)]
    pub options: RunOptions,
    /// The nodes that were to be made, in the plan's order.
    pub nodes: Vec<String>,
}

impl RunRequest {
    /// A request of a plan's nodes.
    pub fn new(
        project: &Project,
        options: RunOptions,
        vars: BTreeMap<String, String>,
        plan: &crate::plan::Plan,
    ) -> Self {
        let nodes = plan.steps.iter().flat_map(|step| &step.nodes).map(ToString::to_string).collect();
        Self { target: project.target.as_str().to_owned(), vars, options, nodes }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain data can be written as JSON")
    }
}

impl History {
    /// What was requested of a run; `None` if it is not there or an older engine wrote it.
    pub fn request_of(&self, run: &str) -> Result<Option<RunRequest>> {
        let sql = "select asked from runs where id = ?1";
        let text: Option<Option<String>> =
            self.db().query_row(sql, params![run], |row| row.get(0)).optional().map_err(state)?;
        Ok(text.flatten().and_then(|text| serde_json::from_str(&text).ok()))
    }
}
