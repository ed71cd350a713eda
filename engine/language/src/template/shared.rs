//! What errors, places and includes need to know of all templates.

use crate::files::FileId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The folders that `include` may reach.
pub(super) const FOLDERS: &[&str] = &["project/macros", "project/models"];

/// The files that templates may include, by path.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub texts: BTreeMap<String, Arc<str>>,
    /// Files that lie there but lead outside, as symbolic links can.
    pub refused: BTreeSet<String>,
}

/// What errors and places need to know about the templates.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub files: BTreeMap<String, (FileId, Arc<str>)>,
    /// Names of functions and macros, for the nearest one.
    pub names: BTreeSet<String>,
    /// Names of filters and tests, likewise.
    pub filters: BTreeSet<String>,
}

/// The filters and tests that Jinja has, and ours, for the nearest one.
pub(super) const FILTERS: &[&str] = &[
    "literal",
    "ident",
    "raw",
    "lower",
    "upper",
    "title",
    "capitalize",
    "replace",
    "length",
    "count",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "join",
    "split",
    "lines",
    "default",
    "round",
    "abs",
    "int",
    "float",
    "attr",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "list",
    "string",
    "bool",
    "batch",
    "slice",
    "sum",
    "indent",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "map",
    "groupby",
    "unique",
    "chain",
    "zip",
    "as_text",
    "as_bool",
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "number",
    "integer",
    "sequence",
    "mapping",
    "in",
    "eq",
    "ne",
];
