//! Rows of declared columns: of each message all of its values, or why it has none.

use super::text::{Cell, Column};
use datafusion::arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array},
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
};
use engine_language::column::ColumnType;
use std::sync::Arc;

/// Declared columns.
#[derive(Clone, Debug)]
pub struct Columns {
    /// As Arrow fields.
    pub schema: SchemaRef,
    /// As each message is looked through for them.
    pub wanted: Arc<[ColumnSpec]>,
}

/// A column that is looked for in each message.
#[derive(Clone, Debug)]
pub struct ColumnSpec {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether a message without it is refused.
    pub required: bool,
}

/// The columns of the good messages, and why the others were refused, by their place among all.
#[derive(Debug)]
pub struct Decoded {
    /// One row for each good message, in their order.
    pub rows: RecordBatch,
    /// Which messages the rows are of.
    pub good: Vec<usize>,
    /// Which messages were refused, and why.
    pub refused: Vec<(usize, String)>,
}

impl Columns {
    /// These, none of them required.
    pub fn new(columns: Vec<(String, ColumnType)>) -> Self {
        let field = |(name, kind): &(String, ColumnType)| {
            crate::arrow::types::field(&engine_language::table::Column::new(name, kind.clone()))
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let wanted = columns.into_iter().map(|(name, kind)| ColumnSpec { name, kind, required: false });
        Self { schema, wanted: wanted.collect() }
    }

    /// The same, these required.
    #[must_use]
    pub fn requiring(mut self, names: impl Iterator<Item = String>) -> Self {
        let names: Vec<String> = names.collect();
        let wanted = self.wanted.iter().cloned();
        self.wanted = wanted.map(|w| ColumnSpec { required: w.required || names.contains(&w.name), ..w }).collect();
        self
    }
}

impl ColumnSpec {
    /// That a value is no one of the column's.
    pub fn refusal(&self, value: impl std::fmt::Display) -> String {
        format!("`{}`: {value} is no {}", self.name, self.kind)
    }

    /// That there is none, though there has to be.
    pub fn missing(&self) -> String {
        format!("`{}`: there is no value, and it is required", self.name)
    }
}

/// Rows that are being built.
#[derive(Debug)]
pub struct Rows<'c> {
    of: &'c Columns,
    columns: Vec<Option<Column>>,
    good: Vec<usize>,
    refused: Vec<(usize, String)>,
}

impl<'c> Rows<'c> {
    /// None yet.
    pub fn new(of: &'c Columns) -> Self {
        let columns = of.wanted.iter().map(|wanted| Column::of_messages(&wanted.kind)).collect();
        Self { of, columns, good: vec![], refused: vec![] }
    }

    /// Adds the row of a message, one cell for each column.
    pub fn push(&mut self, message: usize, cells: &[Cell<'_>]) -> Result<(), ArrowError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.as_mut().map_or(Ok(()), |column| column.push(*cell))?;
        }
        self.good.push(message);
        Ok(())
    }

    /// Says why a message has no row.
    pub fn refuse(&mut self, message: usize, reason: String) {
        self.refused.push((message, reason));
    }

    /// All of them.
    pub fn finish(self) -> Result<Decoded, ArrowError> {
        let Self { of, columns, good, refused } = self;
        let arrays = columns.into_iter().zip(of.schema.fields()).map(|(column, field)| match column {
            Some(mut column) => column.finish(),
            // No message has anything that fits it, so whatever is here is NULL.
            None => new_null_array(field.data_type(), good.len()),
        });
        let arrays: Vec<ArrayRef> = arrays.collect();
        let options = RecordBatchOptions::new().with_row_count(Some(good.len()));
        let rows = RecordBatch::try_new_with_options(of.schema.clone(), arrays, &options)?;
        Ok(Decoded { rows, good, refused })
    }
}
