//! Places in a topic, and what a topic knows of its messages.

use crate::arrow::types::field;
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use engine_language::{column::ColumnType, table::Column};
use std::collections::BTreeMap;

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
