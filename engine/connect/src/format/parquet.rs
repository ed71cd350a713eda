//! Parquet files: their columns, and row groups as batches.

use crate::{
    arrow::{batch_size::BatchSize, types},
    format::file::{FormatError, SourceFile},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, RecordBatchOptions},
        compute::{CastOptions, cast_with_options},
        datatypes::{Field, SchemaRef},
        error::ArrowError,
    },
    parquet::arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
};
use std::fs::File;

/// A parquet file whose footer was read.
pub struct ParquetReader(ParquetRecordBatchReaderBuilder<File>);

impl ParquetReader {
    /// Opens a file.
    pub fn open(source: &dyn SourceFile) -> Result<Self, FormatError> {
        let options = ArrowReaderOptions::new();
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(source.open()?, options);
        builder.map(Self).map_err(|error| FormatError::Declared(error.to_string()))
    }

    /// Its columns in the types that carry them.
    pub fn schema(&self) -> Result<SchemaRef, FormatError> {
        types::carried(self.0.schema()).map_err(|column| {
            let field = self.0.schema().field_with_name(&column);
            let kind = field.map(|field| field.data_type().to_string()).unwrap_or_default();
            FormatError::Declared(format!("no column can hold `{column}`, which is {kind}"))
        })
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.0.metadata().file_metadata().num_rows().unsigned_abs()
    }

    /// How many row groups it has, each of which can be read by itself.
    pub fn groups(&self) -> usize {
        self.0.metadata().num_row_groups()
    }

    /// About how many bytes a row takes in memory: those of the row group whose rows are the widest.
    fn row_bytes(&self) -> u64 {
        let each = self.0.metadata().row_groups().iter();
        let widths = each.map(|group| {
            let bytes = u64::try_from(group.total_byte_size()).unwrap_or_default();
            bytes / u64::try_from(group.num_rows()).unwrap_or_default().max(1)
        });
        widths.max().unwrap_or_default()
    }

    /// Its rows as columns of a schema, found by their names.
    pub fn read(self, part: Part, schema: SchemaRef) -> Result<Batches, FormatError> {
        let mut roots = vec![];
        for field in schema.fields() {
            let index = self.0.schema().index_of(field.name()).map_err(|_| {
                let known: Vec<&str> = self.0.schema().fields().iter().map(|field| field.name().as_str()).collect();
                FormatError::Declared(format!("no column is named `{}`; there are {}", field.name(), known.join(", ")))
            })?;
            roots.push(index);
        }
        let batch = BatchSize::rows_of(self.row_bytes());
        let mask = ProjectionMask::roots(self.0.parquet_schema(), roots);
        let builder = self.0.with_projection(mask).with_batch_size(batch);
        let builder = match part {
            Part::Groups(groups) => builder.with_row_groups(groups),
            Part::Rows { from, most } => builder.with_offset(from).with_limit(most),
        };
        let reader = builder.build().map_err(|error| FormatError::Declared(error.to_string()))?;
        Ok(Batches { reader, schema })
    }
}

/// What of a file is read.
pub enum Part {
    /// Row groups.
    Groups(Vec<usize>),
    /// Rows, from a place on.
    Rows {
        /// Rows that are left out before.
        from: usize,
        /// Rows at most.
        most: usize,
    },
}

/// A file's rows.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(
            batch
                .and_then(|batch| as_schema(&batch, &self.schema))
                .map_err(|error| FormatError::Data(0, error.to_string())),
        )
    }
}

/// The columns in the order and the types of a schema.
fn as_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut columns = vec![];
    for field in schema.fields() {
        let array = batch.column(batch.schema_ref().index_of(field.name())?);
        columns.push(exactly(array, field)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

/// The values in a field's type; an error if a value is not the same there.
fn exactly(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(array, field.data_type(), &options)?;
    if cast_with_options(&cast, array.data_type(), &options)?.as_ref() != array.as_ref() {
        let message = format!("`{}` holds values that are not the same as {}", field.name(), field.data_type());
        return Err(ArrowError::CastError(message));
    }
    Ok(cast)
}
