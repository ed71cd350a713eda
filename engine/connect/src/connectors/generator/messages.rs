//! A generator's rows as messages of a topic, with faults.

use super::{Generators, seeded_random::SeededRandom};
use arrow::json::{WriterBuilder, writer::LineDelimited};
use datafusion::{
    arrow::{
        array::{ArrayRef, BinaryArray, RecordBatch},
        compute::cast,
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    catalog::{TableProvider, streaming::StreamingTable},
    error::Result,
    execution::TaskContext,
    physical_plan::{SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream},
};
use engine_language::name::Name;
use std::{ops::Range, sync::Arc};

/// Messages are reordered within blocks of this many rows, so no more are held.
const BLOCK: u64 = 1024;
/// So many messages later a late one comes.
const LATE: u64 = 5;
/// So many messages later one is sent again.
const AGAIN: u64 = 3;

/// The messages as a table: the rows' columns, then the message's key and, where one is garbled, its bytes.
pub(super) fn table(generators: &Arc<Generators>, name: &Name, of: Range<u64>) -> Arc<dyn TableProvider> {
    let rows = generators.schemas[name].clone();
    let mut fields: Vec<Field> = rows.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new("_key", DataType::Utf8, true));
    fields.push(Field::new("_payload", DataType::Binary, true));
    let schema = Arc::new(Schema::new(fields));
    let messages = Messages { generators: generators.clone(), name: name.clone(), of, rows, schema: schema.clone() };
    Arc::new(StreamingTable::try_new(schema, vec![Arc::new(messages)]).expect("the one partition has this schema"))
}

#[derive(Clone, Debug)]
struct Messages {
    generators: Arc<Generators>,
    name: Name,
    of: Range<u64>,
    rows: SchemaRef,
    schema: SchemaRef,
}

impl PartitionStream for Messages {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 2);
        let (messages, out) = (self.clone(), builder.tx());
        builder.spawn_blocking(move || {
            let end = messages.of.end;
            for from in messages.of.clone().step_by(usize::try_from(BLOCK).expect("a block is small")) {
                if out.blocking_send(messages.block(from, (from + BLOCK).min(end))).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

impl Messages {
    fn block(&self, from: u64, to: u64) -> Result<RecordBatch> {
        let generator = self.generators.generator(&self.name);
        let chance = |use_of: &str| SeededRandom::new(generator.seed, "", use_of);
        let (late, again, corrupt) = (chance("late"), chance("duplicate"), chance("corrupt"));
        // By when they are sent, then by row.
        let mut sent: Vec<(u64, u64, bool)> = vec![];
        for row in self.generators.numbers(&self.name, from, to) {
            let when = if late.share(row) < generator.faults.late { row + LATE } else { row };
            sent.push((when, row, corrupt.share(row) < generator.faults.corrupt));
            if again.share(row) < generator.faults.duplicate {
                sent.push((when + AGAIN, row, false));
            }
        }
        sent.sort_unstable();
        let numbers: Vec<u64> = sent.iter().map(|(_, row, _)| *row).collect();
        let rows = self.generators.batch(&self.name, &self.rows, &numbers)?;
        let garbled: Vec<bool> = sent.iter().map(|(_, _, corrupt)| *corrupt).collect();
        let mut columns = rows.columns().to_vec();
        columns.push(self.key(&rows)?);
        columns.push(Arc::new(payloads(&rows, &garbled)?));
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }

    /// What a message is about: its e-mail, else the key's first column, else the first.
    fn key(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let columns = &self.generators.generator(&self.name).columns;
        let key = columns.iter().position(|c| c.name.value == "email").or_else(|| columns.iter().position(|c| c.key));
        Ok(cast(rows.column(key.unwrap_or(0)), &DataType::Utf8)?)
    }
}

/// The first half of the JSON of garbled messages, nothing for the others.
fn payloads(rows: &RecordBatch, garbled: &[bool]) -> Result<BinaryArray> {
    let mut bytes: Vec<Option<Vec<u8>>> = vec![];
    for (row, garbled) in garbled.iter().enumerate() {
        if !garbled {
            bytes.push(None);
            continue;
        }
        let mut out = vec![];
        let mut writer = WriterBuilder::new().build::<_, LineDelimited>(&mut out);
        writer.write(&rows.slice(row, 1))?;
        writer.finish()?;
        drop(writer);
        out.truncate(out.len() / 2);
        bytes.push(Some(out));
    }
    Ok(bytes.into_iter().collect())
}
