//! Avro messages in the wire format of schema registries into Arrow columns of declared types: every value exactly, or the
//! message is refused with a reason.
//!
//! A message is a zero byte, the number of its writer's schema, and one record. Each is read by the schema that it was
//! written with; fields that are no column are gone over, columns without a field are NULL.

use crate::format::{
    avro::{
        reader::Reader,
        schema::{Field, Schema, Type},
        value::Value,
    },
    decode_error::DecodeError,
    rows::{Columns, Decoded, Rows},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Debug,
    sync::Arc,
};

/// Bytes before the record: a zero, and the schema's number.
const FRAME: usize = 5;

/// Where schemas are kept by their numbers. It may wait.
pub trait Schemas: Debug + Send + Sync {
    /// A schema.
    fn schema(&self, number: u32) -> Result<Arc<Schema>, SchemaError>;
}

/// Why a schema is not to be had.
#[derive(Debug)]
pub enum SchemaError {
    /// A message that names it cannot be read.
    Refused(String),
    /// It is not known now, and may be later.
    Unknown(Box<crate::hub::error::Error>),
}

/// Decodes messages whose schemas are in one registry.
#[derive(Clone, Debug)]
pub struct AvroDecoder {
    columns: Columns,
    schemas: Arc<dyn Schemas>,
}

/// A record's schema, and the column that each of its fields is.
struct Plan {
    schema: Arc<Schema>,
    columns: Vec<Option<usize>>,
}

impl AvroDecoder {
    /// For these columns.
    pub fn new(columns: Columns, schemas: Arc<dyn Schemas>) -> Self {
        Self { columns, schemas }
    }

    /// Decodes messages.
    pub fn decode(&self, messages: &[&[u8]]) -> Result<Decoded, DecodeError> {
        let mut rows = Rows::new(&self.columns);
        let mut plans = BTreeMap::new();
        for (i, message) in messages.iter().enumerate() {
            let (number, record) = match frame(message) {
                Ok(found) => found,
                Err(reason) => {
                    rows.refuse(i, reason);
                    continue;
                }
            };
            if let Entry::Vacant(new) = plans.entry(number) {
                new.insert(self.plan(number)?);
            }
            let values = plans[&number].as_ref().map_err(Clone::clone).and_then(|plan| self.values(plan, record));
            match values.as_ref().map_err(Clone::clone).and_then(|values| self.cells(values)) {
                Ok(cells) => rows.push(i, &cells)?,
                Err(reason) => rows.refuse(i, reason),
            }
        }
        Ok(rows.finish()?)
    }

    /// How messages of a schema are read, or why they cannot be.
    fn plan(&self, number: u32) -> Result<Result<Plan, String>, DecodeError> {
        let schema = match self.schemas.schema(number) {
            Ok(schema) => schema,
            Err(SchemaError::Refused(reason)) => return Ok(Err(reason)),
            Err(SchemaError::Unknown(error)) => return Err(DecodeError::Later(error)),
        };
        let Type::Record(fields) = schema.resolve(&schema.root) else {
            return Ok(Err(format!("the schema {number} is no record")));
        };
        let column = |field: &Field| self.columns.wanted.iter().position(|wanted| wanted.name == field.name);
        let columns = fields.iter().map(column).collect();
        Ok(Ok(Plan { schema, columns }))
    }

    /// What a record says of each column.
    fn values<'m>(&self, plan: &'m Plan, record: &'m [u8]) -> Result<Vec<Value<'m>>, String> {
        let mut values: Vec<Value<'m>> = self.columns.wanted.iter().map(|_| Value::Null).collect();
        let Type::Record(fields) = plan.schema.resolve(&plan.schema.root) else { unreachable!("plans are of records") };
        let mut reader = Reader::new(record);
        for (field, column) in fields.iter().zip(&plan.columns) {
            let read = match column {
                Some(column) => Value::read(&mut reader, &plan.schema, &field.kind).map(|v| values[*column] = v),
                None => reader.skip(&plan.schema, &field.kind),
            };
            read.map_err(|why| format!("`{}`: {why}", field.name))?;
        }
        reader.end()?;
        Ok(values)
    }

    fn cells<'v>(&self, values: &'v [Value<'_>]) -> Result<Vec<super::super::text::Cell<'v>>, String> {
        let pairs = self.columns.wanted.iter().zip(values);
        let cells = pairs.map(|(wanted, value)| match value {
            Value::Null if wanted.required => Err(wanted.missing()),
            value => value.cell(&wanted.kind).ok_or_else(|| wanted.refusal(value)),
        });
        cells.collect()
    }
}

/// The number of a message's schema, and its record.
fn frame(message: &[u8]) -> Result<(u32, &[u8]), String> {
    match message.split_at_checked(FRAME) {
        Some(([0, number @ ..], record)) => {
            Ok((u32::from_be_bytes(number.try_into().expect("these are four bytes")), record))
        }
        Some(([first, ..], _)) => Err(format!("not Avro as a schema registry frames it: its first byte is {first}")),
        _ => Err(format!("not Avro as a schema registry frames it: it has {} bytes", message.len())),
    }
}
