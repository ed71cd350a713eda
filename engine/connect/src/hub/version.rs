//! What tells whether a table changed: its rows, and the names and types of its columns.

use super::{
    connection::Connection,
    error::Result,
    source::{Source, TableRequest},
};
use crate::arrow::digest::Digest;
use engine_language::table::TableDefinition;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_128;

/// The state of a table. Two versions with the same [`value`](Self::value) stand for the same rows in the same columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// What the system says of the rows.
    pub content: Content,
    /// The columns' names, types and nullability, and the key, as a digest.
    pub shape: String,
    /// What the project declared of the table then, as a digest: where a declaration changes, the shape is looked at again.
    pub declared: String,
}

/// What a system says of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Compared: equal values stand for the same rows.
    pub value: String,
    /// What the connector needs in order to answer "unchanged" cheaply next time, such as a file's size and time.
    pub hint: serde_json::Value,
    /// Why the rows have to be read to tell whether they changed; `None` where the system tells without.
    pub reads: Option<Reads>,
}

/// Why the rows of a table have to be read to tell whether they changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// The server tells only whether anything in it was written, and something was.
    AnyWrite,
    /// The server keeps no log of its changes, or its log does not hold all of them.
    NoLog,
    /// Its file was written too short a time ago for its times to tell.
    Racy,
}

/// From what the content of an opened table is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFrom {
    /// The system has to be asked before it is opened.
    Asking,
    /// From a digest of all of its rows.
    Rows,
    /// From the instant at which it was opened.
    Instant,
}

/// Digests of all rows of a table that were read.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowDigests {
    /// As they are digested here.
    pub rows: Option<Digest>,
    /// As the system digests them inside.
    pub server: Option<Digest>,
}

impl Reads {
    /// Why, in a sentence's second half: "its rows are read because …".
    pub fn because(self) -> &'static str {
        match self {
            Self::AnyWrite => "something was written on its server, which does not say to which table",
            Self::NoLog => "its server has no log of changes that could tell",
            Self::Racy => "its file was written a moment ago",
        }
    }
}

impl Content {
    /// Rows by their digest, where nothing else tells.
    pub fn of_rows(digest: Digest) -> Self {
        Self { value: digest.to_string(), hint: serde_json::Value::Null, reads: None }
    }
}

impl Content {
    /// Rows whose content is their digest, after others were added to them.
    pub fn plus(&self, added: Digest) -> Option<Self> {
        Some(Self::of_rows(self.value.parse::<Digest>().ok()?.with(added)))
    }
}

impl Version {
    /// Rows as the system tells them, in columns as they are defined.
    pub fn new(content: Content, definition: &TableDefinition, request: &TableRequest) -> Self {
        Self { content, shape: shape(definition), declared: declared(request) }
    }

    /// What is compared.
    pub fn value(&self) -> String {
        format!("{}/{}", self.content.value, self.shape)
    }
}

impl dyn Source + '_ {
    /// The version of a table as it is now; `None` if it is not there or its system cannot tell. `last` is an earlier answer.
    pub async fn version(&self, table: &TableRequest, last: Option<&Version>) -> Result<Option<Version>> {
        let known = last.filter(|last| last.declared == declared(table));
        let Some(content) = self.content(table, known.map(|last| &last.content)).await? else { return Ok(None) };
        if let Some(last) = known
            && last.content == content
            && !content.hint.is_null()
        {
            return Ok(Some(last.clone()));
        }
        let definition = self.describe(table).await?;
        Ok(definition.map(|definition| Version::new(content, &definition, table)))
    }
}

/// Names, types and nullability of columns in their order, and the key.
fn shape(definition: &TableDefinition) -> String {
    let mut text = String::new();
    for column in &definition.columns {
        let native = column.native.as_deref().unwrap_or_default();
        let _ = write!(text, "{:?} {} {native:?} {}, ", column.name, column.kind, column.nullable);
    }
    let _ = write!(text, "{:?}", definition.key);
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// What is declared of the table that may change its columns.
fn declared(request: &TableRequest) -> String {
    let Some(declared) = &request.declared else { return String::new() };
    let mut text = String::new();
    for (name, kind) in &declared.columns {
        let _ = write!(text, "{:?} {}, ", name.value, kind.value);
    }
    let key: Vec<&str> = declared.key.iter().map(|column| column.value.as_str()).collect();
    let format = declared.format.as_ref().map(|format| &format.value);
    let path = declared.path.as_ref().map(|path| &path.value);
    let _ = write!(text, "{key:?} {format:?} {path:?}");
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

impl dyn Connection {
    /// The version of a table after these rows were added to those of `last`, the last that is known, for a price that does
    /// not grow with the table; `None` if it has to be looked at. If others have written it since `last`, it is none that
    /// the table ever has again.
    pub fn version_after_append(&self, last: &Version, table: &TableRequest, added: &RowDigests) -> Option<Version> {
        let known = last.declared == declared(table);
        let content = self.source().filter(|_| known)?.content_after_append(&last.content, added)?;
        Some(Version { content, ..last.clone() })
    }

    /// The version of a table that was written just now. With a digest of all of its rows, which were all written, the system
    /// need not be asked for them where their digest is what it would say.
    pub async fn version_of_written(&self, table: &TableRequest, rows: Option<Digest>) -> Result<Option<Version>> {
        let Some(source) = self.source() else { return Ok(None) };
        match rows.filter(|_| self.sink().is_some_and(|sink| sink.facts().content_is_digest)) {
            Some(rows) => {
                let definition = source.describe(table).await?;
                Ok(definition.map(|definition| Version::new(Content::of_rows(rows), &definition, table)))
            }
            None => source.version(table, None).await,
        }
    }
}
