//! Messages of a topic into columns: the declared ones, then what the topic knows of each message.

use super::{
    avro::decoder::{AvroDecoder, Schemas},
    decode_error::DecodeError,
    json::JsonDecoder,
    messages::Messages,
    rows::{Columns, Decoded},
};
use crate::hub::{
    rejected::{RejectedRow, Rejects},
    source::{OpenTable, TableRequest},
    topics::message_facts,
};
use datafusion::{
    arrow::{
        array::{ArrayRef, Int32Array, Int64Array, RecordBatch},
        datatypes::{Field, Schema, SchemaRef},
    },
    datasource::MemTable,
};
use engine_language::{
    config::source::{BadRows, SourceTable},
    table::{Column, TableDefinition},
};
use std::sync::Arc;

/// What messages of one topic become.
#[derive(Clone, Debug)]
pub struct MessageDecoder {
    topic: String,
    body: Body,
    /// The declared columns.
    declared: SchemaRef,
    schema: SchemaRef,
    bad_rows: BadRows,
    rejected: Rejects,
}

/// How a message's bytes are read.
#[derive(Clone, Debug)]
enum Body {
    Json(JsonDecoder),
    Avro(AvroDecoder),
}

impl Body {
    fn decode(&self, messages: &[&[u8]]) -> Result<Decoded, DecodeError> {
        match self {
            Self::Json(json) => Ok(json.decode(messages)?),
            Self::Avro(avro) => avro.decode(messages),
        }
    }
}

/// What a topic's declared format is: JSON, or Avro in a registry's frame. `Err` says why it is neither, and what to do.
pub fn is_avro(declared: &SourceTable) -> Result<bool, (String, &'static str)> {
    match declared.format.as_ref().map_or("json", |format| format.value.as_str()) {
        "json" => Ok(false),
        "avro" => Ok(true),
        other => Err((format!("the format `{other}` is not known to topics"), "use `json` or `avro`")),
    }
}

/// Why a topic cannot be in the format that is declared, and what to do.
pub fn refuses(declared: &SourceTable, has_registry: bool) -> Option<(String, &'static str)> {
    match is_avro(declared) {
        Ok(true) if !has_registry => Some(no_registry()),
        known => known.err(),
    }
}

impl MessageDecoder {
    /// As the project declares the topic; `schemas` are those of Avro, if there is a registry. `Err` says why that is not
    /// enough, and what to do.
    pub fn new(request: &TableRequest, schemas: Option<Arc<dyn Schemas>>) -> Result<Self, (String, &'static str)> {
        let declared = request.declared.as_ref().filter(|declared| !declared.columns.is_empty());
        let Some(declared) = declared else {
            let hint = "declare them: `columns = { name = \"text\" }` under the source's table";
            return Err(("its columns are not declared".into(), hint));
        };
        let columns = declared.columns.iter().map(|(name, kind)| (name.value.clone(), kind.value.clone()));
        let required = declared.key.iter().chain(&declared.required).map(|column| column.value.clone());
        let columns = Columns::new(columns.collect()).requiring(required);
        let own = columns.schema.clone();
        let body = match (is_avro(declared)?, schemas) {
            (false, _) => Body::Json(JsonDecoder::of(columns)),
            (true, Some(schemas)) => Body::Avro(AvroDecoder::new(columns, schemas)),
            (true, None) => return Err(no_registry()),
        };
        let mut fields: Vec<Field> = own.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.extend(message_facts());
        Ok(Self {
            topic: request.table.to_string(),
            body,
            declared: own,
            schema: Arc::new(Schema::new(fields)),
            bad_rows: declared.bad_rows,
            rejected: Rejects::default(),
        })
    }

    /// The declared columns, then what the topic knows of each message.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same as a definition.
    pub fn definition(&self) -> TableDefinition {
        let columns = self.schema.fields().iter().filter_map(|field| crate::arrow::types::column(field));
        TableDefinition { columns: columns.collect::<Vec<Column>>(), ..TableDefinition::default() }
    }

    /// Where rejected messages go.
    pub fn rejected(&self) -> &Rejects {
        &self.rejected
    }

    /// Messages as columns; what cannot be read goes where the user said, to the dead letters only if they are kept.
    /// `Err` says which message failed the reading, or what else did.
    pub fn decode(&self, messages: Messages, keep: bool) -> Result<RecordBatch, DecodeError> {
        let Decoded { rows, good, refused } = self.body.decode(&messages.payloads())?;
        self.refuse(&messages, refused, keep).map_err(DecodeError::Data)?;
        self.with_facts(rows, messages, &good)
    }

    fn with_facts(&self, rows: RecordBatch, messages: Messages, good: &[usize]) -> Result<RecordBatch, DecodeError> {
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.extend(messages.facts(good)?);
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    /// Messages that were rejected before, as their topic still holds them, decoded again as a table.
    pub fn open_whole(&self, messages: Messages) -> Result<OpenTable, DecodeError> {
        let Decoded { rows, good, refused } = self.body.decode(&messages.payloads())?;
        for (i, reason) in refused {
            self.rejected.push(self.row(&messages, i, reason));
        }
        self.opened(self.with_facts(rows, messages, &good)?)
    }

    /// Rejected messages, decoded again as a table, without what a dead letter does not hold.
    pub fn open_again(&self, rows: &[RejectedRow]) -> Result<OpenTable, DecodeError> {
        self.opened(self.again(rows)?)
    }

    fn opened(&self, batch: RecordBatch) -> Result<OpenTable, DecodeError> {
        let definition = self.definition();
        let provider = MemTable::try_new(batch.schema(), vec![vec![batch]]);
        let provider = Arc::new(provider.map_err(|error| DecodeError::Data(error.to_string()))?);
        Ok(OpenTable {
            provider,
            definition,
            next: None,
            more: false,
            size_bytes: None,
            rejected: self.rejected.clone(),
            instant: None,
        })
    }

    /// Their columns, and where they stand.
    fn again(&self, rows: &[RejectedRow]) -> Result<RecordBatch, DecodeError> {
        let payloads: Vec<&[u8]> = rows.iter().map(|row| row.payload.as_slice()).collect();
        let Decoded { rows: columns, good, refused } = self.body.decode(&payloads)?;
        for (i, reason) in refused {
            self.rejected.push(RejectedRow { reason, ..rows[i].clone() });
        }
        let mut fields: Vec<Field> = self.declared.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.extend(
            message_facts().into_iter().filter(|fact| matches!(fact.name().as_str(), "_partition" | "_offset")),
        );
        let partition = |i: &usize| i32::try_from(rows[*i].partition).unwrap_or(i32::MAX);
        let mut columns: Vec<ArrayRef> = columns.columns().to_vec();
        columns.push(Arc::new(good.iter().map(|i| Some(partition(i))).collect::<Int32Array>()));
        columns.push(Arc::new(good.iter().map(|i| Some(rows[*i].offset)).collect::<Int64Array>()));
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    fn refuse(&self, messages: &Messages, refused: Vec<(usize, String)>, keep: bool) -> Result<(), String> {
        for (i, reason) in refused {
            let (partition, offset) = messages.place(i);
            match self.bad_rows {
                BadRows::Fail => return Err(format!("offset {offset} of partition {partition}: {reason}")),
                BadRows::DeadLetter if keep => self.rejected.push(self.row(messages, i, reason)),
                BadRows::DeadLetter | BadRows::Skip => {
                    tracing::warn!(topic = self.topic, partition, offset, reason, "left out");
                }
            }
        }
        Ok(())
    }

    fn row(&self, messages: &Messages, i: usize, reason: String) -> RejectedRow {
        RejectedRow { source: self.topic.clone(), ..messages.row(i, reason) }
    }
}

/// Why there is no Avro without a registry, and what to do.
pub fn no_registry() -> (String, &'static str) {
    let hint = "give the Kafka connection the address of its schema registry: `registry = \"http://…\"`";
    ("it is in Avro, and the connection has no `registry`".into(), hint)
}

/// What to do about a message that fails a reading.
pub const BAD_ROW: &str = "correct the message, or declare `bad_rows = \"dead_letter\"`";
