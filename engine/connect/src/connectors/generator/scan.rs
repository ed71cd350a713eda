//! A generator's rows as a table: ranges of rows in parallel, and only the columns that are wanted.

use super::Generators;
use crate::arrow::batch_size::ROWS;
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::SchemaRef,
    },
    catalog::{Session, TableProvider},
    error::Result,
    execution::TaskContext,
    logical_expr::{Expr, TableType},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream,
        streaming::StreamingTableExec,
    },
};
use engine_language::name::Name;
use std::sync::Arc;

/// Row numbers of one batch.
pub(super) const BATCH: u64 = ROWS as u64;

/// The rows as a table.
pub(super) fn table(generators: &Arc<Generators>, name: &Name) -> Arc<dyn TableProvider> {
    Arc::new(Table { generators: generators.clone(), name: name.clone() })
}

#[derive(Debug)]
struct Table {
    generators: Arc<Generators>,
    name: Name,
}

#[async_trait::async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.generators.schemas[&self.name].clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema().project(columns)?),
            None => self.schema(),
        };
        let rows = self.generators.rows(&self.name);
        let parts = session.config().target_partitions().max(1) as u64;
        let each = rows.div_ceil(parts).next_multiple_of(BATCH).max(1);
        let partitions = (0..parts).map(|part| {
            let (from, to) = ((part * each).min(rows), ((part + 1) * each).min(rows));
            let range = Range {
                generators: self.generators.clone(),
                name: self.name.clone(),
                schema: schema.clone(),
                from,
                to,
            };
            Arc::new(range) as Arc<dyn PartitionStream>
        });
        Ok(Arc::new(StreamingTableExec::try_new(schema.clone(), partitions.collect(), None, vec![], false, limit)?))
    }
}

/// A range of row numbers.
#[derive(Debug)]
struct Range {
    generators: Arc<Generators>,
    name: Name,
    schema: SchemaRef,
    from: u64,
    to: u64,
}

impl PartitionStream for Range {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 2);
        let (generators, name, schema) = (self.generators.clone(), self.name.clone(), self.schema.clone());
        let (mut at, to, out) = (self.from, self.to, builder.tx());
        builder.spawn_blocking(move || {
            while at < to {
                let end = (at + BATCH).min(to);
                let numbers = generators.numbers(&name, at, end);
                at = end;
                if !numbers.is_empty() && out.blocking_send(generators.batch(&name, &schema, &numbers)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

impl Generators {
    /// The rows of these numbers.
    pub(super) fn batch(&self, name: &Name, schema: &SchemaRef, numbers: &[u64]) -> Result<RecordBatch> {
        let columns = schema.fields().iter().map(|field| self.values(name, field.name(), numbers));
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_>>()?, &options)?)
    }
}
