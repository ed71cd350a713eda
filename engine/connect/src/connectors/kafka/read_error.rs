//! Why reading a topic cannot go on.

use super::{start_offsets::gap, topic::Topic};
use crate::hub::error::{Blame, Error};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Why reading cannot go on.
#[derive(Debug)]
pub enum ReadError {
    /// The client says so.
    Kafka(KafkaError),
    /// Nothing comes.
    Silent,
    /// Another message stands where the last one was read.
    Other(i32, i64),
    /// No message stands where the last one was read.
    Lost(i32, i64),
}

/// What that means to a reader of the topic.
pub fn explain(topic: &Topic, trouble: ReadError) -> Error {
    match trouble {
        ReadError::Kafka(error) => match error.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                topic.error("reading", Blame::System, "the topic went away while it was read").later()
            }
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                topic.error("reading", Blame::System, "its messages were deleted while it was read").later()
            }
            _ => topic.client.fault(&format!("reading `{}`", topic.name), &error),
        },
        ReadError::Silent => topic.error("reading", Blame::System, "no message comes, though there are some").later(),
        ReadError::Other(partition, offset) => {
            let why = format!("another message stands at offset {offset} of partition {partition} than was read there");
            gap(topic, format!("{why}: the topic was made anew"))
        }
        ReadError::Lost(partition, offset) => {
            let why = format!("no message stands at offset {offset} of partition {partition}, where one was read");
            gap(topic, format!("{why}: the topic was made anew"))
        }
    }
}
