//! Rows as messages: one JSON object each, or one record of Avro.

use crate::{arrow::types, format::avro::writer::Rows};
use arrow::json::{
    Encoder, EncoderFactory, EncoderOptions, WriterBuilder,
    writer::{LineDelimited, NullableEncoder},
};
use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, FieldRef, Float32Type, Float64Type, TimestampMicrosecondType},
    error::ArrowError,
};
use engine_language::column::ColumnType;
use serde::de::IgnoredAny;
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// A message to be: its key, its time in microseconds since 1970 UTC, and its bytes.
pub type Message = (Option<String>, i64, Vec<u8>);

/// What a message's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A JSON object.
    Json,
    /// A record in a schema registry's frame, of the schema of this number.
    Avro(u32),
}

/// Rows as messages. `_key` and `_timestamp` are the message's own, `_payload` replaces it as it is. Without `_key`, these
/// columns make the key: the one's text, or a list in JSON of several.
pub fn messages(batch: &RecordBatch, key: &[String], body: Body) -> Result<Vec<Message>, ArrowError> {
    let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>().cloned());
    let keys = text("_key").map_or_else(|| made(batch, key), |keys| Ok(Some(keys)))?;
    let raw = batch.column_by_name("_payload").and_then(|c| c.as_binary_opt::<i32>().cloned());
    let times =
        batch.column_by_name("_timestamp").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>().cloned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let rows = own(batch)?;
    let payloads = match body {
        Body::Json => objects(&rows)?,
        Body::Avro(schema) => records(&rows, schema),
    };
    let message = |(row, payload): (usize, Vec<u8>)| {
        let key = keys.as_ref().filter(|keys| keys.is_valid(row)).map(|keys| keys.value(row).to_owned());
        let time = times.as_ref().filter(|times| times.is_valid(row)).map_or(now, |times| times.value(row));
        let payload = raw.as_ref().filter(|raw| raw.is_valid(row)).map_or(payload, |raw| raw.value(row).to_vec());
        (key, time, payload)
    };
    Ok(payloads.into_iter().enumerate().map(message).collect())
}

/// Whether a column is part of the bytes, and none of what a message has beside them.
pub fn is_own(name: &str) -> bool {
    !name.starts_with('_')
}

/// The columns that are not the message's own.
fn own(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let own: Vec<usize> = (0..batch.num_columns()).filter(|i| is_own(batch.schema_ref().field(*i).name())).collect();
    batch.project(&own)
}

/// Each row as a record in its frame.
fn records(rows: &RecordBatch, schema: u32) -> Vec<Vec<u8>> {
    let records = Rows::of(rows);
    let record = |row| {
        let mut out = vec![0];
        out.extend(schema.to_be_bytes());
        records.write(row, &mut out);
        out
    };
    (0..rows.num_rows()).map(record).collect()
}

/// The keys that columns make.
fn made(batch: &RecordBatch, key: &[String]) -> Result<Option<StringArray>, ArrowError> {
    let columns = key.iter().map(|name| {
        let column = batch.column_by_name(name);
        let column =
            column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column `{name}` for the key")))?;
        Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
    });
    let columns: Vec<StringArray> = columns.collect::<Result<_, ArrowError>>()?;
    Ok(match columns.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let list = |row: usize| {
                let parts = several.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
                serde_json::to_string(&parts.collect::<Vec<_>>()).expect("text is JSON")
            };
            Some(StringArray::from_iter_values((0..batch.num_rows()).map(list)))
        }
    })
}

/// Each row as an object.
fn objects(rows: &RecordBatch) -> Result<Vec<Vec<u8>>, ArrowError> {
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        sayable(field, column.as_ref())
            .map_err(|why| ArrowError::JsonError(format!("column `{}`: {why}", field.name())))?;
    }
    let mut out = vec![];
    let builder = WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(JsonAsItIs));
    let mut writer = builder.build::<_, LineDelimited>(&mut out);
    writer.write(rows)?;
    writer.finish()?;
    drop(writer);
    Ok(out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
}

/// Refuses what JSON has no word for, before it would become `null` or a broken line.
fn sayable(field: &FieldRef, column: &dyn Array) -> Result<(), String> {
    match column.data_type() {
        DataType::Float64 => match column.as_primitive::<Float64Type>().iter().flatten().find(|x| !x.is_finite()) {
            Some(value) => Err(format!("JSON has no {value}")),
            None => Ok(()),
        },
        DataType::Float32 => match column.as_primitive::<Float32Type>().iter().flatten().find(|x| !x.is_finite()) {
            Some(value) => Err(format!("JSON has no {value}")),
            None => Ok(()),
        },
        DataType::Utf8 if is_json(field) => {
            let broken = column.as_string::<i32>().iter().flatten().find_map(|text| {
                let error = serde_json::from_str::<IgnoredAny>(text).err()?;
                Some(format!("a value is no JSON: {error}"))
            });
            broken.map_or(Ok(()), Err)
        }
        _ => Ok(()),
    }
}

fn is_json(field: &FieldRef) -> bool {
    types::column(field).is_some_and(|column| column.kind == ColumnType::Json)
}

/// Writes columns of JSON as they are instead of as strings.
#[derive(Debug)]
struct JsonAsItIs;

impl EncoderFactory for JsonAsItIs {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let texts = array.as_string_opt::<i32>().filter(|_| is_json(field));
        Ok(texts.map(|texts| NullableEncoder::new(Box::new(Raw(texts)), array.nulls().cloned())))
    }
}

struct Raw<'a>(&'a StringArray);

impl Encoder for Raw<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        // A line's end can only be space between values: within a string of JSON it has to be escaped.
        let space = |byte: u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
        out.extend(self.0.value(row).bytes().map(space));
    }
}
