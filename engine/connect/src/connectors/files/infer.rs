//! Columns of files whose columns are not declared: from their first records.

use super::{Folder, discovery::Found};
use crate::format::{
    csv::CsvReader,
    file::{FormatError, ReadOffset},
    ndjson::NdjsonColumns,
};
use engine_language::column::ColumnType;

/// Records that are looked at. A later one that does not fit is an error that names its line.
const SAMPLE: usize = 10_000;

/// The columns of csv files, by the first that has records.
pub fn csv(folder: &Folder, files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FormatError)> {
    let mut columns = vec![];
    for found in files {
        let fail = |error| (found.name.clone(), error);
        let dialect = folder.config.dialect(found.format);
        let mut file = CsvReader::open(Box::new(found.clone()), dialect, None, ReadOffset::default()).map_err(fail)?;
        let (inferred, records) = file.infer(SAMPLE).map_err(fail)?;
        columns = inferred;
        if records > 0 {
            break;
        }
    }
    Ok(columns)
}

/// The columns of ndjson files, in the order in which they first appear.
pub fn ndjson(files: &[Found]) -> Result<Vec<(String, ColumnType)>, (String, FormatError)> {
    let mut columns = NdjsonColumns::default();
    for found in files {
        columns.look(found, SAMPLE).map_err(|error| (found.name.clone(), error))?;
    }
    Ok(columns.finish())
}
