//! Rows that the user wrote, in the types of the columns that they stand for.

use crate::error::{Error, Result};
use datafusion::arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Schema},
};
use engine_language::{
    code,
    config::{
        toml::{Value, ValueKind},
        unit_test::GivenRows,
    },
    diagnostic::Diagnostic,
    name::nearest,
};
use std::sync::Arc;

/// The rows with all of these columns; those that a row does not name are NULL.
pub fn batch(rows: &GivenRows, fields: &[Arc<Field>], what: &str) -> Result<RecordBatch> {
    known(rows, fields, what)?;
    let mut columns = vec![];
    for field in fields {
        columns.push(column(rows, field)?);
    }
    let fields: Vec<Field> = fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.rows.len()));
    let made = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    Ok(made.map_err(datafusion::error::DataFusionError::from)?)
}

fn known(rows: &GivenRows, fields: &[Arc<Field>], what: &str) -> Result<()> {
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut cells = rows.rows.iter().flatten();
    let Some((name, value)) = cells.find(|(name, _)| !names.contains(&name.as_str())) else { return Ok(()) };
    let problem = Diagnostic::error(&code::E0601, value.span, format!("{what} has no column `{name}`"));
    Err(Error::Project(Box::new(match nearest(name, names.iter().copied()) {
        Some(near) => problem.hint(format!("a column with a similar name exists: `{near}`")),
        None => problem.hint(format!("its columns: {}", names.join(", "))),
    })))
}

fn column(rows: &GivenRows, field: &Field) -> Result<ArrayRef> {
    let cells = rows.rows.iter().map(|row| row.get(field.name()));
    if cells.clone().all(|cell| cell.is_none()) {
        return Ok(new_null_array(field.data_type(), rows.rows.len()));
    }
    let texts: Vec<Option<String>> =
        cells.map(|cell| cell.map(|value| text(value, field)).transpose()).collect::<Result<_>>()?;
    let column: ArrayRef = Arc::new(StringArray::from(texts));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(&column, field.data_type(), &strict).map_err(datafusion::error::DataFusionError::from)?)
}

/// The value as text of which the column's type makes exactly this value.
fn text(value: &Value, field: &Field) -> Result<String> {
    let unfit = || {
        let kind =
            engine_connect::arrow::types::column(field).map(|column| column.kind.to_string()).unwrap_or_default();
        let message = format!("{} does not fit the column `{}`, which is {kind}", value.word(), field.name());
        let problem = Diagnostic::error(&code::E0600, value.span, message);
        Error::Project(Box::new(problem.hint("leave the column out for NULL; write decimals and times as text")))
    };
    let text = match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => text.clone(),
        ValueKind::Integer(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Boolean(truth) => truth.to_string(),
        ValueKind::Array(_) | ValueKind::Table(_) => return Err(unfit()),
    };
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
    let exact = match field.data_type() {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => digits <= usize::from(scale.unsigned_abs()),
        _ => true,
    };
    let one: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    if !exact || cast_with_options(&one, field.data_type(), &strict).is_err() {
        return Err(unfit());
    }
    Ok(text)
}
