//! `sql` and `when`: expressions over a row's other columns, and queries over other generators that name this one's row.

use super::{Generators, literal::words};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions},
        compute::concat,
        datatypes::{DataType, Field, Schema},
    },
    catalog::TableProvider,
    common::DFSchema,
    datasource::MemTable,
    error::Result,
    prelude::{SessionConfig, SessionContext},
};
use engine_language::{config::generator::Rows, name::Name, template::quote::identifier};
use std::sync::{Arc, OnceLock};

/// The number of a row in its batch, which keeps the order.
const NUMBER: &str = "engine_row";

/// For expressions, which know no tables.
static EXPRESSIONS: OnceLock<SessionContext> = OnceLock::new();

impl Generators {
    /// What an SQL text says for these rows.
    pub(super) fn evaluate(&self, name: &Name, column: &str, sql: &str, rows: &[u64]) -> Result<ArrayRef> {
        let batch = self.mentioned(name, column, sql, rows)?;
        let query = sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        if query { self.query(name, sql, rows, batch) } else { expression(sql, &batch) }
    }

    /// The other columns of this generator that the text mentions.
    fn mentioned(&self, name: &Name, column: &str, sql: &str, rows: &[u64]) -> Result<RecordBatch> {
        let words = words(sql);
        let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (vec![], vec![]);
        for field in self.schemas[name].fields() {
            if field.name() != column && words.iter().any(|word| word == field.name()) {
                arrays.push(self.values(name, field.name(), rows)?);
                fields.push(field.as_ref().clone());
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }

    /// One query for the whole batch, which takes the place of this generator's table.
    fn query(&self, name: &Name, sql: &str, rows: &[u64], batch: RecordBatch) -> Result<ArrayRef> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(NUMBER, DataType::Int64, false)));
        let mut arrays = batch.columns().to_vec();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        arrays.push(Arc::new(Int64Array::from_iter_values(0..count)));
        let own = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        context.register_table(name.as_str(), Arc::new(MemTable::try_new(own.schema(), vec![vec![own]])?))?;
        let words = words(sql);
        for other in self.generators.keys().filter(|other| *other != name) {
            if words.iter().any(|word| word == other.as_str()) {
                context.register_table(other.as_str(), self.others(name, other, &words, rows)?)?;
            }
        }
        let table = identifier(name.as_str());
        let whole = format!("select ({sql}) as value from {table} order by {NUMBER}");
        let run = async { context.sql(&whole).await?.collect().await };
        let batches = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.block_on(run)?,
            Err(_) => futures::executor::block_on(run)?,
        };
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(0).as_ref()).collect();
        Ok(concat(&parts)?)
    }

    /// Another generator's table. Of one that makes some rows for each of ours, just those of our batch.
    fn others(&self, name: &Name, other: &Name, words: &[String], rows: &[u64]) -> Result<Arc<dyn TableProvider>> {
        let columns: Vec<&str> = self.schemas[other].fields().iter().map(|field| field.name().as_str()).collect();
        let columns: Vec<&str> = columns.into_iter().filter(|column| words.iter().any(|word| word == column)).collect();
        let numbers: Vec<u64> = match &self.generator(other).rows {
            Rows::Per { parent, max, .. } if parent.value == *name => {
                rows.iter().flat_map(|row| (0..self.children(other, *row)).map(move |j| row * max + j)).collect()
            }
            _ => self.numbers(other, 0, self.rows(other)),
        };
        let arrays = columns.iter().map(|column| self.values(other, column, &numbers)).collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().map(|column| self.schemas[other].field_with_name(column).cloned());
        let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>, _>>()?));
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

fn expression(sql: &str, batch: &RecordBatch) -> Result<ArrayRef> {
    let context = EXPRESSIONS.get_or_init(SessionContext::new);
    let schema = DFSchema::try_from(batch.schema().as_ref().clone())?;
    let parsed = context.parse_sql_expr(sql, &schema)?;
    let physical = context.create_physical_expr(parsed, &schema)?;
    physical.evaluate(batch)?.into_array(batch.num_rows())
}
