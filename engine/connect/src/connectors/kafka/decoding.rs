//! What a topic's messages become.

use super::topic::Topic;
use crate::{
    format::{
        avro::decoder::Schemas,
        decode_error::DecodeError,
        decoder::{BAD_ROW, MessageDecoder},
        messages::Messages,
    },
    hub::{
        error::{Blame, Error, Result},
        position::Position,
        source::{OpenTable, TableRequest},
    },
};
use datafusion::{arrow::array::RecordBatch, datasource::MemTable};
use std::sync::Arc;

/// What messages become.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Where they come from.
    pub topic: Topic,
    /// What decodes them.
    pub decoder: MessageDecoder,
}

impl Shape {
    /// Messages as columns; what cannot be read is kept for the dead letters, or said.
    pub fn decode(&self, messages: Messages, keep: bool) -> Result<RecordBatch> {
        self.decoder
            .decode(messages, keep)
            .map_err(|undecoded| undecoded.explained(|why| self.topic.error("reading", Blame::Data, why).hint(BAD_ROW)))
    }

    /// Batches as an opened table.
    pub fn opened(&self, batches: Vec<RecordBatch>, next: Option<Position>, more: bool) -> OpenTable {
        let schema = self.decoder.schema().clone();
        let provider = Arc::new(MemTable::try_new(schema, vec![batches]).expect("batches have this schema"));
        let rejected = self.decoder.rejected().clone();
        OpenTable {
            provider,
            definition: self.decoder.definition(),
            next,
            more,
            size_bytes: None,
            instant: None,
            rejected,
        }
    }
}

/// What each message becomes.
pub fn decoder(topic: &Topic, request: &TableRequest, schemas: Option<Arc<dyn Schemas>>) -> Result<MessageDecoder> {
    MessageDecoder::new(request, schemas).map_err(|(why, hint)| topic.error("reading", Blame::User, why).hint(hint))
}

/// Why messages of a topic were not decoded.
pub fn undecoded(topic: &Topic, why: DecodeError) -> Error {
    why.explained(|why| topic.error("reading", Blame::Data, why))
}
