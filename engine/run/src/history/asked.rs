//! What the user asked of a run, so that it can be asked again.

use super::{History, state};
use crate::error::Result;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the user asked of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The target.
    pub target: String,
    /// `--var name=value`, as typed.
    pub vars: BTreeMap<String, String>,
    /// Generators made this many times their rows.
    pub rows_scale: f64,
    /// Generators made exactly so many rows.
    pub rows: Option<u64>,
    /// Everything was to be made anew.
    pub full_refresh: bool,
    /// What generators had filled was to be made anew.
    pub regenerate: bool,
    /// The nodes that were to be made, in the plan's order.
    pub nodes: Vec<String>,
}

impl Asked {
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("plain data can be written as JSON")
    }
}

impl History {
    /// What was asked of a run; `None` if it is not there or an older engine wrote it.
    pub fn asked(&self, run: &str) -> Result<Option<Asked>> {
        let sql = "select asked from runs where id = ?1";
        let text: Option<Option<String>> =
            self.db().query_row(sql, params![run], |row| row.get(0)).optional().map_err(state)?;
        Ok(text.flatten().and_then(|text| serde_json::from_str(&text).ok()))
    }
}
