//! Places in a topic, and what a topic knows of its messages.

use super::{
    error::Result,
    position::Position,
    rejected::RejectedRow,
    source::{OpenTable, TableRequest},
};
use crate::arrow::types::field;
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use engine_language::{column::ColumnType, name::Name, table::Column};
use std::collections::BTreeMap;

/// Tables that go on: messages of topics, lines that are added to files.
#[async_trait::async_trait]
pub trait Topics: Send + Sync {
    /// How far a reader that stands at the request's `since` is behind the end; `None` if the system cannot tell.
    async fn lag(&self, table: &TableRequest) -> Result<Option<Lag>> {
        let _ = table;
        Ok(None)
    }

    /// The position of a reader that begins there; `None` if the system has none.
    async fn start(&self, table: &TableRequest, at: Start) -> Result<Option<Position>> {
        let _ = (table, at);
        Ok(None)
    }

    /// The position of a reader that stood at the request's `since` and then read these partitions up to these offsets.
    /// `None` if the system has none.
    async fn passed(&self, table: &TableRequest, next: &Offsets) -> Result<Option<Position>> {
        let _ = (table, next);
        Ok(None)
    }

    /// The message at a place, as it would be rejected for this reason; `None` if it is not there.
    async fn message(&self, table: &TableRequest, at: (u32, i64), reason: String) -> Result<Option<RejectedRow>> {
        let _ = (table, at, reason);
        Ok(None)
    }

    /// Decodes messages that were rejected before, as a reading of the table would. What a dead letter does not hold is
    /// not among the columns. `None` if the system has no messages.
    async fn decode(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let _ = (table, rejected);
        Ok(None)
    }

    /// The same of the messages as their topic still holds them, with all columns. Those that it does not hold any more are
    /// rejected. `None` if the system cannot do that.
    async fn fetch(&self, table: &TableRequest, rejected: Vec<RejectedRow>) -> Result<Option<OpenTable>> {
        let _ = (table, rejected);
        Ok(None)
    }

    /// Tells the system how far a pipeline has come that reads from it, for those who watch it there. Nothing is ever read
    /// back, and nothing depends on it.
    async fn report(&self, pipeline: &Name, at: &Position) -> Result<()> {
        let _ = (pipeline, at);
        Ok(())
    }
}

/// Where to begin in a topic, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first message that is there.
    Earliest,
    /// Behind the last one.
    Latest,
    /// At the first message of this time or later, in microseconds since 1970 UTC.
    Time(i64),
    /// At this offset, in every partition.
    Offset(u64),
}

/// Offsets of a topic, by partition.
pub type Offsets = BTreeMap<u32, i64>;

/// How far a reader is behind the end of a topic: messages, by partition.
pub type Lag = BTreeMap<u32, u64>;

/// What a topic knows of each message, as columns behind the declared ones. A key that is not UTF-8 reads as `\x` and its
/// bytes in hexadecimal; headers are a list of `{"key", "value"}`, or `{"key", "base64"}` where a value is not UTF-8.
pub fn message_facts() -> Vec<Field> {
    vec![
        Field::new("_key", DataType::Utf8, true),
        Field::new("_partition", DataType::Int32, false),
        Field::new("_offset", DataType::Int64, false),
        Field::new("_timestamp", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        field(&Column::new("_headers", ColumnType::Json)),
    ]
}
