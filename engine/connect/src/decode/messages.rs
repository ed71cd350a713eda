//! Messages of a topic into columns: the declared ones, then what the topic knows of each message.

use super::json::{Decoded, JsonDecoder};
use crate::read::{OpenTable, RejectedRow, Rejects, TableRequest, message_facts};
use base64::{Engine, prelude::BASE64_STANDARD};
use datafusion::arrow::{
    array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray, UInt32Array},
    compute::take,
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
};
use datafusion::datasource::MemTable;
use engine_language::{
    config::source::BadRows,
    table::{Column, TableDefinition},
};
use serde_json::{Value, json};
use std::{fmt::Write, sync::Arc};

/// Messages, one after another, their bytes in one piece.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    times: Vec<i64>,
    keys: StringBuilder,
    headers: StringBuilder,
}

/// A message as its topic holds it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its bytes.
    pub payload: &'a [u8],
}

impl Messages {
    /// Adds one, without headers.
    pub fn push(&mut self, message: Message<'_>) {
        self.push_with(message, std::iter::empty());
    }

    /// Adds one with headers.
    pub fn push_with<'a>(&mut self, message: Message<'_>, headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) {
        self.bytes.extend_from_slice(message.payload);
        self.ends.push(self.bytes.len());
        self.partitions.push(message.partition);
        self.offsets.push(message.offset);
        self.times.push(message.time);
        match message.key.map(|key| std::str::from_utf8(key).map_err(|_| key)) {
            None => self.keys.append_null(),
            Some(Ok(text)) => self.keys.append_value(text),
            Some(Err(bytes)) => self.keys.append_value(hexadecimal(bytes)),
        }
        let headers: Vec<Value> = headers.map(header).collect();
        if headers.is_empty() {
            self.headers.append_null();
        } else {
            self.headers.append_value(Value::Array(headers).to_string());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The length of all payloads together.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// One of them as it would be rejected; its source is not known here.
    pub fn row(&self, i: usize, reason: String) -> RejectedRow {
        RejectedRow {
            source: String::new(),
            partition: u32::try_from(self.partitions[i]).unwrap_or(u32::MAX),
            offset: self.offsets[i],
            payload: self.payload(i).to_vec(),
            reason,
        }
    }

    fn payload(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.bytes[start..self.ends[i]]
    }

    fn payloads(&self) -> Vec<&[u8]> {
        (0..self.len()).map(|i| self.payload(i)).collect()
    }

    /// What the topic knows of the good messages.
    fn facts(mut self, good: &[usize]) -> Result<Vec<ArrayRef>, ArrowError> {
        let count = self.len();
        let all: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish()),
            Arc::new(Int32Array::from(self.partitions)),
            Arc::new(Int64Array::from(self.offsets)),
            Arc::new(TimestampMicrosecondArray::from(self.times).with_timezone("UTC")),
            Arc::new(self.headers.finish()),
        ];
        if good.len() == count {
            return Ok(all);
        }
        let good = good.iter().map(|i| u32::try_from(*i).expect("a batch is small")).collect::<UInt32Array>();
        all.iter().map(|column| take(column, &good, None)).collect()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = "\\x".to_owned();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn header((key, value): (&str, Option<&[u8]>)) -> Value {
    match value.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => json!({ "key": key, "value": null }),
        Some(Ok(text)) => json!({ "key": key, "value": text }),
        Some(Err(bytes)) => json!({ "key": key, "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

/// What messages of one topic become.
#[derive(Clone, Debug)]
pub struct MessageDecoder {
    topic: String,
    json: JsonDecoder,
    schema: SchemaRef,
    bad_rows: BadRows,
    rejected: Rejects,
}

impl MessageDecoder {
    /// As the project declares the topic. `Err` says why that is not enough, and what to do.
    pub fn new(request: &TableRequest) -> Result<Self, (String, &'static str)> {
        let declared = request.declared.as_ref().filter(|declared| !declared.columns.is_empty());
        let Some(declared) = declared else {
            let hint = "declare them: `columns = { name = \"text\" }` under the source's table";
            return Err(("its columns are not declared".into(), hint));
        };
        if let Some(format) = declared.format.as_ref().filter(|format| format.value != "json") {
            let message = format!("the format `{}` is not known to topics", format.value);
            return Err((message, "use `format = \"json\"`"));
        }
        let columns = declared.columns.iter().map(|(name, kind)| (name.value.clone(), kind.value.clone()));
        let required = declared.key.iter().chain(&declared.required).map(|column| column.value.clone());
        let json = JsonDecoder::new(columns.collect()).requiring(required);
        let mut fields: Vec<Field> = json.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.extend(message_facts());
        Ok(Self {
            topic: request.table.to_string(),
            json,
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
        let columns = self.schema.fields().iter().filter_map(|field| crate::types::column(field));
        TableDefinition { columns: columns.collect::<Vec<Column>>(), ..TableDefinition::default() }
    }

    /// Where rejected messages go.
    pub fn rejected(&self) -> &Rejects {
        &self.rejected
    }

    /// Messages as columns; what cannot be read goes where the user said, to the dead letters only if they are kept.
    /// `Err` says which message failed the reading, or what else did.
    pub fn decode(&self, messages: Messages, keep: bool) -> Result<RecordBatch, String> {
        let Decoded { rows, good, refused } =
            self.json.decode(&messages.payloads()).map_err(|error| error.to_string())?;
        self.refuse(&messages, refused, keep)?;
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.extend(messages.facts(&good).map_err(|error| error.to_string())?);
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| error.to_string())
    }

    /// Rejected messages, decoded again as a table.
    pub fn open_again(&self, rows: &[RejectedRow]) -> Result<OpenTable, String> {
        let batch = self.again(rows)?;
        let definition = self.definition();
        let provider = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(|error| error.to_string())?;
        Ok(OpenTable {
            provider: Arc::new(provider),
            definition,
            next: None,
            more: false,
            rejected: self.rejected.clone(),
        })
    }

    /// Their columns, and where they stand.
    fn again(&self, rows: &[RejectedRow]) -> Result<RecordBatch, String> {
        let payloads: Vec<&[u8]> = rows.iter().map(|row| row.payload.as_slice()).collect();
        let Decoded { rows: columns, good, refused } =
            self.json.decode(&payloads).map_err(|error| error.to_string())?;
        for (i, reason) in refused {
            self.rejected.push(RejectedRow { reason, ..rows[i].clone() });
        }
        let mut fields: Vec<Field> = self.json.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.extend(
            message_facts().into_iter().filter(|fact| matches!(fact.name().as_str(), "_partition" | "_offset")),
        );
        let partition = |i: &usize| i32::try_from(rows[*i].partition).unwrap_or(i32::MAX);
        let mut columns: Vec<ArrayRef> = columns.columns().to_vec();
        columns.push(Arc::new(good.iter().map(|i| Some(partition(i))).collect::<Int32Array>()));
        columns.push(Arc::new(good.iter().map(|i| Some(rows[*i].offset)).collect::<Int64Array>()));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| error.to_string())
    }

    fn refuse(&self, messages: &Messages, refused: Vec<(usize, String)>, keep: bool) -> Result<(), String> {
        for (i, reason) in refused {
            let (partition, offset) = (messages.partitions[i], messages.offsets[i]);
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

/// What to do about a message that fails a reading.
pub const BAD_ROW: &str = "correct the message, or declare `bad_rows = \"dead_letter\"`";

#[cfg(test)]
mod tests {
    use super::{Message, Messages};
    use datafusion::arrow::array::{Array, AsArray};

    #[test]
    fn keys_and_headers_are_text_or_say_their_bytes() {
        let mut messages = Messages::default();
        let one = Message { partition: 0, offset: 0, time: 0, key: Some(b"k"), payload: b"" };
        messages.push(one);
        messages.push(Message { key: None, ..one });
        let headers = [("a", Some(&b"x"[..])), ("a", None), ("b", Some(&[0xff][..]))];
        messages.push_with(Message { key: Some(&[0xff, 1]), ..one }, headers.into_iter());
        let facts = messages.facts(&[0, 1, 2]).unwrap();
        let (keys, headers) = (facts[0].as_string::<i32>(), facts[4].as_string::<i32>());
        assert_eq!((keys.value(0), keys.is_null(1), keys.value(2)), ("k", true, "\\xff01"));
        assert!(headers.is_null(0));
        let expected = r#"[{"key":"a","value":"x"},{"key":"a","value":null},{"key":"b","base64":"/w=="}]"#;
        assert_eq!(headers.value(2), expected);
    }
}
