//! What each node last became.

use super::{History, state};
use crate::error::Result;
use engine_language::graph::NodeId;
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;
use std::time::Duration;

/// The versions of what a node read, by node.
pub type Inputs = BTreeMap<String, String>;

/// What is remembered of a node's last success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The versions of what it and its checks read, by node; `None` if they could not be told.
    pub inputs: Option<Inputs>,
    /// The version of what it wrote.
    pub output: Option<String>,
    /// What it said, as a digest: its SQL, its settings, the declarations of what it reads.
    pub definition: String,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Rows written.
    pub rows: Option<u64>,
    /// A model's text as the user wrote it: never what it renders to, which may hold secrets.
    pub text: Option<String>,
}

/// How a node's last success went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Its columns, each with its type in the user's words; `None` if they were not known.
    pub columns: Option<Vec<(String, String)>>,
    /// How long it took.
    pub took: Option<Duration>,
}

impl History {
    /// What is remembered of a node's last success in a target.
    pub fn built(&self, target: &str, node: &NodeId) -> Result<Option<Built>> {
        let sql = "select key, output, fingerprint, at_us, rows, text from built where target = ?1 and node = ?2";
        self.db()
            .prepare_cached(sql)
            .map_err(state)?
            .query_row(params![target, node.to_string()], |row| {
                Ok(Built {
                    inputs: inputs(row.get(0)?),
                    output: row.get(1)?,
                    definition: row.get(2)?,
                    at_us: row.get(3)?,
                    rows: row.get(4)?,
                    text: row.get(5)?,
                })
            })
            .optional()
            .map_err(state)
    }

    /// The hash of the definition of which each node's last success was.
    pub fn built_definitions(&self, target: &str) -> Result<BTreeMap<NodeId, String>> {
        let db = self.db();
        let mut statement = db.prepare("select node, fingerprint from built where target = ?1").map_err(state)?;
        let rows = statement.query_map([target], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).map_err(state)?;
        let nodes = rows.filter_map(|row| row.map(|(node, hash)| Some((NodeId::parse(&node)?, hash))).transpose());
        nodes.collect::<std::result::Result<_, _>>().map_err(state)
    }

    /// Remembers a node's success.
    pub fn remember_built(&self, target: &str, node: &NodeId, built: &Built) -> Result<()> {
        let sql = "insert into built (target, node, key, output, fingerprint, at_us, rows, text)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            on conflict (target, node) do update set key = excluded.key, output = excluded.output,
            fingerprint = excluded.fingerprint, at_us = excluded.at_us, rows = excluded.rows, text = excluded.text";
        let node = node.to_string();
        let Built { inputs, output, definition, at_us, rows, text } = built;
        let inputs = inputs.as_ref().map(serde_json::to_string).transpose().map_err(state)?;
        let row = params![target, node, inputs, output, definition, at_us, rows, text];
        self.change(sql, row).map(drop)
    }

    /// How a node's last success in a target went.
    pub fn made(&self, target: &str, node: &NodeId) -> Result<Made> {
        let sql = "select columns, took_us from built where target = ?1 and node = ?2";
        let row = self.db().query_row(sql, params![target, node.to_string()], |row| {
            let (columns, took): (Option<String>, Option<i64>) = (row.get(0)?, row.get(1)?);
            let columns = columns.and_then(|text| serde_json::from_str(&text).ok());
            Ok(Made { columns, took: took.map(|us| Duration::from_micros(us.unsigned_abs())) })
        });
        row.optional().map(Option::unwrap_or_default).map_err(state)
    }

    /// Remembers the columns that a node had when it was last made.
    pub fn remember_columns(&self, target: &str, node: &NodeId, columns: Option<&[(String, String)]>) -> Result<()> {
        let text = columns.map(serde_json::to_string).transpose().map_err(state)?;
        let sql = "update built set columns = ?3 where target = ?1 and node = ?2";
        self.db().execute(sql, params![target, node.to_string(), text]).map(drop).map_err(state)
    }

    /// The nodes that a target remembers, by name.
    pub fn remembered(&self, target: &str) -> Result<Vec<String>> {
        let db = self.db();
        let mut statement = db.prepare("select node from built where target = ?1 order by node").map_err(state)?;
        let rows = statement.query_map([target], |row| row.get(0)).map_err(state)?;
        rows.collect::<rusqlite::Result<_>>().map_err(state)
    }

    /// Forgets a node, because it is no longer in the project.
    pub fn forget(&self, target: &str, node: &str) -> Result<()> {
        let sql = "delete from built where target = ?1 and node = ?2";
        self.db().execute(sql, params![target, node]).map(drop).map_err(state)
    }
}

/// What an older engine wrote is not read: the node is made again.
fn inputs(text: Option<String>) -> Option<Inputs> {
    serde_json::from_str(&text?).ok()
}
