//! `[replications.NAME]`: copies tables as they are.

use super::{Spanned, amount::DurationText, project::Reader, value::Value};
use crate::{
    code::{self, Code},
    diagnostic::Diagnostic,
    name::{Name, nearest},
};
use serde::Deserialize;
use std::time::Duration;

/// Tables to copy from a source into another system. Each copied table is a node, `ref('replica.orders')`.
#[derive(Clone, Debug)]
pub struct Replication {
    /// `replica` in `ref('replica.orders')`.
    pub name: Spanned<Name>,
    /// The source that is read.
    pub from: Spanned<Name>,
    /// The connection that is written.
    pub to: Spanned<Name>,
    /// Globs over the source's tables.
    pub tables: Vec<Spanned<String>>,
    /// How much is copied each time.
    pub mode: ReplicationMode,
    /// The column that only grows, for `incremental`.
    pub cursor: Option<Spanned<String>>,
    /// How late a row may be committed after its cursor's time; `None` leaves it to the source to tell.
    pub overlap: Option<Duration>,
    /// What is compared afterwards.
    pub verify: Verify,
    /// Losses that the user accepts, such as `W0510`.
    pub allow: Vec<&'static Code>,
}

/// How much is copied each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationMode {
    /// Everything, replaced in one step.
    #[default]
    Full,
    /// Rows beyond the cursor, merged by key.
    Incremental,
    /// Changes as they are logged.
    Cdc,
}

/// What is compared after copying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The numbers of rows.
    Count,
    /// A digest of the rows as they were read, against one made inside the target.
    #[default]
    Target,
    /// Digests made inside both systems.
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    from: Spanned<Name>,
    to: Spanned<Name>,
    tables: Vec<Spanned<String>>,
    #[serde(default)]
    mode: ReplicationMode,
    cursor: Option<Spanned<String>>,
    overlap: Option<DurationText>,
    #[serde(default)]
    verify: Verify,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
}

/// What the codes of losses begin with.
const LOSSES: &str = "W05";

impl Replication {
    /// Reads the table of a replication; complains of what is wrong with it.
    pub(super) fn read(reader: &mut Reader<'_>, name: Spanned<Name>, value: &Value) -> Option<Self> {
        let raw = value.read::<Raw>(reader.problems)?;
        let incremental = raw.mode == ReplicationMode::Incremental;
        if incremental && raw.cursor.is_none() {
            let problem = Diagnostic::error(&code::E0004, name.span, "the key `cursor` is missing");
            let hint = "`mode = \"incremental\"` needs the column that only grows, such as `cursor = \"updated_at\"`";
            reader.problems.push(problem.hint(hint));
        }
        if let Some(cursor) = raw.cursor.as_ref().filter(|_| !incremental) {
            let problem = Diagnostic::error(&code::E0005, cursor.span, "a `cursor` is of no use without `incremental`");
            reader.problems.push(problem.hint("add `mode = \"incremental\"`, or take `cursor` away"));
        }
        let allow = raw.allow.iter().filter_map(|written| allowed(reader, written)).collect();
        Some(Self {
            name,
            from: raw.from,
            to: raw.to,
            tables: raw.tables,
            mode: raw.mode,
            cursor: raw.cursor,
            overlap: raw.overlap.map(|overlap| overlap.0),
            verify: raw.verify,
            allow,
        })
    }
}

fn allowed(reader: &mut Reader<'_>, written: &Spanned<String>) -> Option<&'static Code> {
    let losses = || code::ALL.iter().filter(|code| code.id.starts_with(LOSSES));
    if let Some(code) = losses().find(|code| code.id.eq_ignore_ascii_case(written)) {
        return Some(code);
    }
    let problem = Diagnostic::error(&code::E0005, written.span, format!("`{}` is no loss", written.value));
    let known: Vec<&str> = losses().map(|code| code.id).collect();
    reader.problems.push(match nearest(written, known.iter().copied()) {
        Some(near) => problem.fix("a code with a similar name exists", written.span, format!("\"{near}\"")),
        None => problem.hint(format!("known: {}", known.join(", "))),
    });
    None
}
