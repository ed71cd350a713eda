//! What the rows of a table's files are made into.

use super::{Folder, discovery::Found, format::Format, rows::Rows};
use crate::{
    arrow::batch_size::ROWS,
    format::{
        csv::CsvReader,
        file::{BadRow, FormatError, ReadOffset},
        json::JsonDecoder,
        ndjson::NdjsonReader,
    },
    hub::{
        error::Result,
        rejected::{RejectedRow, Rejects},
    },
};
use datafusion::arrow::datatypes::SchemaRef;
use engine_language::{column::ColumnType, config::source::BadRows};
use std::sync::Arc;

/// Records of one batch.
pub const BATCH: usize = ROWS;

/// What rows of a table are made into.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The folder.
    pub folder: Arc<Folder>,
    /// All columns.
    pub columns: Vec<(String, ColumnType)>,
    /// The same as Arrow fields.
    pub schema: SchemaRef,
    /// What becomes of records that cannot be read.
    pub bad_rows: BadRows,
}

/// Opens a file of rows, to read these columns.
pub fn rows(
    shape: &Shape,
    found: &Found,
    columns: &[(String, ColumnType)],
    at: ReadOffset,
) -> Result<Rows, FormatError> {
    Ok(match found.format {
        Format::Ndjson => Rows::Ndjson(Box::new(NdjsonReader::open(found, JsonDecoder::new(columns.to_vec()), at)?)),
        _ => Rows::Csv(Box::new(CsvReader::open(
            Box::new(found.clone()),
            shape.folder.config.dialect(found.format),
            Some(columns),
            at,
        )?)),
    })
}

/// Puts records that cannot be read where the user said.
pub fn refuse(shape: &Shape, found: &Found, refused: Vec<BadRow>, keep: Option<&Rejects>) -> Result<()> {
    for row in refused {
        match (shape.bad_rows, keep) {
            (BadRows::Fail, _) => {
                return Err(shape.folder.trouble(&found.name, FormatError::Data(row.line, row.reason)));
            }
            (BadRows::DeadLetter, Some(keep)) => keep.push(RejectedRow {
                source: found.name.clone(),
                partition: 0,
                offset: i64::try_from(row.line).unwrap_or(i64::MAX),
                payload: row.payload,
                reason: row.reason,
            }),
            (BadRows::DeadLetter | BadRows::Skip, _) => {
                tracing::warn!(file = %found.name, line = row.line, reason = row.reason, "left out");
            }
        }
    }
    Ok(())
}
